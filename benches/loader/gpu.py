"""Measures training on a GPU, in less than a minute: gpu.py SETS [--seconds 4] ...; SETS is what run.sh makes.

1. How long the lists of a day take to the device.
2. Samples per second of `Samples(device=...)`, with no model.
3. A step of a transformer of 2 layers over histories, in bfloat16: with the loader of the guide, with `Samples`, and with
   `Samples(by="request")`, which encodes each history of a step once. A step has about 256 samples.

Without a GPU it says so and exits with 2. `--device cpu --actions 20` only shows that it runs. stdout carries the tables.
It needs PYTHONPATH=src/python:tests/readers, and a day that fits into half of the free memory of the device.
"""
import argparse, os, statistics, sys, time
from pathlib import Path

import torch
from torch import nn

BATCH = 256
WIDTH = 64


class Model(nn.Module):
    """Scores items against histories `[U]`, of which `index` names that of each item `[B]`."""

    def __init__(self, buckets=100_000):
        super().__init__()
        self.items = nn.Embedding(buckets, WIDTH, padding_idx=0)
        self.types = nn.Embedding(8, WIDTH, padding_idx=0)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def rows(self, items):
        # Item ids share a table of bounded size: 1..buckets-1, and 0 stays padding.
        return self.items(items.sign() * (1 + items % (self.items.num_embeddings - 1)))

    def forward(self, items, actions, types, index=None):
        is_padding = actions == 0
        # A history without actions attends to its first padding: attention to nothing is NaN.
        hidden = torch.cat([torch.zeros_like(is_padding[:, :1]), is_padding[:, 1:]], dim=1)
        encoded = self.layers(self.rows(actions) + self.types(types), src_key_padding_mask=hidden)
        encoded = encoded.masked_fill(is_padding[..., None], 0).sum(1)
        mean = encoded / (~is_padding).sum(1, keepdim=True).clamp(min=1)
        return (self.rows(items) * (mean if index is None else mean[index])).sum(1)


def wait(device):
    """Waits for the device, which works on while the program goes on."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_copy(sets, device):
    from hitherto._source import load_day

    arrays = load_day(sets / "request", next((sets / "request").glob("dt=*")).name[3:])
    lists, took = [torch.from_numpy(x) for x in arrays.lists.values()], []
    for _ in range(4):
        wait(device)
        start = time.perf_counter()
        copies = [x.to(device) for x in lists]
        wait(device)
        took.append(time.perf_counter() - start)
        del copies
    size, middle = sum(x.nbytes for x in lists), statistics.median(took[1:])
    print(f"a day to the device: {size / 1e6:,.0f} MB in {middle:.4f} s, {size / 1e9 / middle:.1f} GB/s\n")


def endless(begin):
    """Batches of one epoch after the other."""
    while True:
        yield from begin()


def of_guide(sets, device, actions_max):
    from torch.utils.data import DataLoader
    from train import Samples

    day = next((sets / "sample").glob("dt=*"))
    workers, pin = min(4, max(1, (os.cpu_count() or 1) - 1)), device.type == "cuda"
    loader = DataLoader(Samples(day), batch_size=BATCH, num_workers=workers, pin_memory=pin)
    for items, actions, types, labels in endless(lambda: loader):
        inputs = (items, actions, types, labels.float())
        items, actions, types, labels = (x.to(device, non_blocking=True) for x in inputs)
        yield (items, actions[:, :actions_max], types[:, :actions_max]), labels


def of_samples(sets, device, **settings):
    from hitherto.torch import Samples

    samples = Samples(sets / "request", device=device, **settings)
    for batch in endless(lambda: samples):
        inputs = (batch[x] for x in ("item_id", "actions", "action_types"))
        yield (*inputs, batch.get("history_index")), batch["is_order"]


def measure(batches, step, device, seconds):
    """Seconds to the first batch; then steps, samples and seconds, and those of them spent waiting for a batch."""
    start = time.perf_counter()
    inputs, labels = next(batches)
    wait(device)
    first = time.perf_counter() - start
    for _ in range(3):
        step(inputs, labels)
    wait(device)
    steps, samples, waited, start = 0, 0, 0.0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        asked = time.perf_counter()
        inputs, labels = next(batches)
        waited += time.perf_counter() - asked
        step(inputs, labels)
        # Without this the host would run ahead, and `waited` would hide in the queue of the device.
        wait(device)
        steps, samples = steps + 1, samples + len(labels)
    took = time.perf_counter() - start
    batches.close()
    return first, steps, samples, took, waited


def measure_samples(sets, device, seconds):
    print("| Samples, no model | samples/s | first batch, s |\n|---|---|---|")
    settings = {"by sample": {}, "by sample, jagged": {"layout": "jagged"}}
    settings["by request"] = {"by": "request", "batch_size": 100}
    for name, given in settings.items():
        batches = of_samples(sets, device, **given)
        first, _, samples, took, _ = measure(batches, lambda *_: None, device, seconds)
        print(f"| {name} | {samples / took:,.0f} | {first:.2f} |", flush=True)


def train_step(device):
    torch.manual_seed(0)
    model = Model().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def step(inputs, labels):
        with torch.autocast(device.type, torch.bfloat16):
            scores = model(*inputs)
        loss = nn.functional.binary_cross_entropy_with_logits(scores.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def measure_steps(sets, device, seconds, actions_max):
    loaders = {
        "loader of the guide": of_guide(sets, device, actions_max),
        "ours, by sample": of_samples(sets, device, batch_size=BATCH, max_actions=actions_max),
        # About ten samples a request: as many samples in a step as the others have.
        "ours, by request, histories once": of_samples(
            sets, device, by="request", batch_size=BATCH // 10, max_actions=actions_max
        ),
    }
    print("\n| step of 2 layers | ms | samples | samples/s | waiting for batches | first batch, s |")
    print("|---|---|---|---|---|---|")
    for name, batches in loaders.items():
        first, steps, samples, took, waited = measure(batches, train_step(device), device, seconds)
        print(
            f"| {name} | {took / steps * 1e3:.1f} | {samples / steps:.0f} | {samples / took:,.0f} "
            f"| {waited / took:.0%} | {first:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", type=Path)
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--actions", type=int, default=1000, help="newest actions that the model sees")
    given = parser.parse_args()
    if given.device.type == "cuda" and not torch.cuda.is_available():
        print("there is no GPU that PyTorch can use; nothing was measured", file=sys.stderr)
        sys.exit(2)
    name = torch.cuda.get_device_name() if given.device.type == "cuda" else str(given.device)
    print(f"{name}, {os.cpu_count()} CPUs, torch {torch.__version__}\n")
    measure_copy(given.sets, given.device)
    measure_samples(given.sets, given.device, given.seconds)
    measure_steps(given.sets, given.device, given.seconds, given.actions)
