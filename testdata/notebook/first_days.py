# %% [markdown]
# # Three days of a small shop
#
# From raw logs to what a model is trained on, in a minute: make logs, build point-in-time sequences, look at them,
# and take a first batch. Install what it needs in a clone of the repository:
#
# ```sh
# pip install '.[torch]' pandas polars matplotlib jupyter
# ```
#
# Without PyTorch (`pip install '.[arrow]'`) only the last part is left out.

# %%
import importlib.util
import os
import tempfile

import hitherto as ht
import matplotlib.pyplot as plt
import numpy as np
import polars as pl

os.chdir(tempfile.mkdtemp())
CLICK, CART, ORDER, NONE = "#0072b2", "#e69f00", "#009e73", "#d9d9d9"
plt.rcParams.update({
    "figure.figsize": (7, 2.8), "figure.dpi": 80, "figure.constrained_layout.use": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left", "font.size": 10,
})

# %% [markdown]
# ## The logs
#
# `generate` makes synthetic logs; the same settings make the same bytes. There are three days of impressions, and
# sixty days of clicks, add-to-carts and orders before them. For your own logs, give `sequences` their folder, or
# data frames: `sequences(impressions=…, clicks=frame, out=…)`.

# %%
logs = ht.generate(
    "logs", days=3, impressions=400, actions=60_000, customers=600, items=3_000, history_days=60, progress=False
)
clicks = pl.read_parquet(logs / "clicks" / "**" / "*.parquet")
print(f"{len(clicks):,} clicks")
pl.read_parquet(logs / "impressions" / "**" / "*.parquet").head(3)

# %% [markdown]
# ## The run
#
# For every impression, the last 1000 actions of its customer before the day began. Nothing of the day itself is in a
# history: no action can tell the label.

# %%
three = ht.sequences(logs, out="three", progress=False)
three

# %% [markdown]
# `verify` recomputes rows by a second implementation and compares every value. `explain` says of each action of a
# customer why it is in a history, or why not.

# %%
verified = three.verify(audit_rows=200)
print(f"{verified.rows_recomputed} rows recomputed: {verified.audit['verdict']}")

ranking = three.head(1)["ranking_id"][0].as_py()
fates = pl.DataFrame(ht.explain(three, ranking_id=ranking), infer_schema_length=None)
fate = pl.col("fate").str.replace(r" at position \d+", "")
fates.group_by("type", fate).len("actions").sort("type", "fate")

# %% [markdown]
# ## The metrics
#
# Every run counts them in the pass that writes the rows. `fail_if="zero_history_pct>0.2"` would refuse to publish a
# set that is worse.

# %%
names = ["day", "samples", "label_rate", "zero_history_pct", "avg_history_length", "truncated_pct"]
days = pl.DataFrame([{name: day[name] for name in names} for day in three.metrics["days"]])
days.with_columns(pl.selectors.float().round(4))

# %% [markdown]
# ### Label rate by day
#
# The lines are 95 % intervals: with some eighty orders a day, days differ by chance.

# %%
rate, samples = days["label_rate"].to_numpy(), days["samples"].to_numpy()
interval = 1.96 * np.sqrt(rate * (1 - rate) / samples)
figure, axes = plt.subplots()
axes.barh(days["day"], 100 * rate, xerr=100 * interval, color=ORDER, height=0.5, capsize=4)
axes.invert_yaxis()
axes.set(title="Samples that were ordered", xlabel="% of samples")
axes.margins(x=0.1)
plt.show()

# %% [markdown]
# ### History lengths
#
# Activity is skewed: few customers do most of it. Of 1000 padded places most are zeros; the loader leaves them out
# with `layout="jagged"`.

# %%
lengths = three.metrics["sequence_length_distribution"]
length, count = np.array([int(text) for text in lengths]), np.array(list(lengths.values()))
order = np.argsort(length)
middle = length[order][np.searchsorted(np.cumsum(count[order]), count.sum() / 2)]
figure, axes = plt.subplots()
axes.hist(length, weights=count, bins=np.arange(0, 1051, 25), color=CLICK)
axes.axvline(middle, color="black", linewidth=1, linestyle="--")
axes.annotate(f"median {middle}", (middle, axes.get_ylim()[1]), xytext=(5, -12), textcoords="offset points")
axes.set(title="Samples by the length of their history", xlabel="actions (1000 at most)", ylabel="samples")
plt.show()
print(f"{count.sum():,} samples, median {middle} actions, {100 * count[length == 0].sum() / count.sum():.1f} % none")

# %% [markdown]
# ### Action types by position
#
# Position 0 is the newest action. Types are 1 click, 2 add-to-cart, 3 order, and 0 where a history is shorter.

# %%
positions = three.metrics["action_type_frequency_by_position"]
figure, axes = plt.subplots()
left = np.zeros(len(positions))
for code, name, color in [("1", "click", CLICK), ("2", "add-to-cart", CART), ("3", "order", ORDER), ("0", "none", NONE)]:
    share = np.array([100 * position.get(code, 0.0) for position in positions])
    axes.bar(range(len(positions)), share, bottom=left, label=name, color=color, width=0.8)
    left += share
axes.set(title="Action types by position", xlabel="position, from the newest", ylabel="% of samples")
axes.set_xticks(range(len(positions)))
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, reverse=True)
plt.show()

# %% [markdown]
# ## With pandas
#
# Does a customer order what they have looked at before? `layout="sample"` reads a row for each item that was shown.
# The labels of `generate` are drawn at random, so here it makes no difference beyond chance.

# %%
frame = three.read(to="pandas", layout="sample", histories="list")
frame["seen"] = [item in set(actions) for item, actions in zip(frame["item_id"], frame["actions"])]
frame.groupby("seen")["is_order"].agg(samples="count", ordered="sum", label_rate="mean").round(4)

# %% [markdown]
# ## With Polars
#
# How old is the newest action, by day? Histories are left out of what is read, so this is a small read.

# %%
rows = three.read(to="polars", histories="none")
age = (pl.col("cutoff") - pl.col("last_action_time")).dt.total_minutes() / 60
rows.group_by("dt").agg(
    impressions=pl.len(),
    customers=pl.col("customer_id").n_unique(),
    median_age_hours=age.median().round(1),
    oldest_age_days=(age.max() / 24).round(1),
).sort("dt")

# %% [markdown]
# ## A first batch
#
# `Samples` gives each sample once an epoch, in uniform random order. With `by="request"` a batch has each history once;
# `history_index` says which is that of a sample. The page *Train on it* of the guide goes on from here.

# %%
if importlib.util.find_spec("torch") is None:
    print("PyTorch is not installed: no batch")
else:
    from hitherto.torch import Samples

    batch = next(iter(Samples(three, batch_size=32, by="request", max_actions=200)))
    for name, values in batch.items():
        print(f"{name:15} {str(values.dtype):14} {list(values.shape)}")
