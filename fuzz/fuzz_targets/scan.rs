//! Files of any content as an input of any job: the first byte says which, the rest is the file.
#![no_main]

use std::fs;

use hitherto::{Ask, Cutoff, Format, JobKind, LabelKey, OnBadRow, Settings, Source, TimeUnit, Tuning};
use libfuzzer_sys::fuzz_target;

/// Each input of each job, and whether it is the one that the others are there for.
const INPUTS: [(JobKind, Source); 8] = [
    (JobKind::Sequences, Source::Impressions),
    (JobKind::Sequences, Source::Clicks),
    (JobKind::Sequences, Source::Orders),
    (JobKind::Features, Source::Impressions),
    (JobKind::Features, Source::Clicks),
    (JobKind::Features, Source::Listings),
    (JobKind::Dwell, Source::Events),
    // Its rows are the impressions too.
    (JobKind::Sequences, Source::Carts),
];

/// A small good file of an input, as NDJSON.
fn good(job_kind: JobKind, source: Source) -> &'static str {
    match (job_kind, source) {
        (JobKind::Sequences, Source::Impressions) => {
            "{\"dt\":\"2025-08-15\",\"ranking_id\":\"r\",\"customer_id\":1,\"impressions\":[{\"item_id\":1,\"is_order\":true}]}\n"
        }
        (JobKind::Sequences, Source::Clicks) => {
            "{\"customer_id\":1,\"item_id\":1,\"click_time\":\"2025-08-14T00:00:00Z\"}\n"
        }
        (JobKind::Features, Source::Impressions) => {
            "{\"impression_id\":1,\"user_id\":1,\"listing_id\":1,\"impression_ts\":\"2025-08-14T00:00:00Z\"}\n"
        }
        (JobKind::Features, Source::Clicks) => {
            "{\"user_id\":1,\"listing_id\":1,\"click_ts\":\"2025-08-14T00:00:00Z\"}\n"
        }
        _ => "{\"listing_id\":1,\"category\":\"a\",\"price\":1,\"created_ts\":\"2025-08-14T00:00:00Z\"}\n",
    }
}

fuzz_target!(init: hitherto_fuzz::only_our_panics_count(), |data: &[u8]| {
    let Some((choice, content)) = data.split_first() else { return };
    let (job_kind, source) = INPUTS[usize::from(choice & 7)];
    let format = match choice >> 3 & 3 {
        0 => Format::Parquet,
        1 => Format::Csv,
        2 => Format::Ndjson,
        _ => Format::Json,
    };
    let folder = hitherto_fuzz::folder();
    let path = folder.join("hostile");
    // A byte that says how CSV is laid out is no part of the file.
    let text = content.strip_prefix(&content[..usize::from(content.first().is_some_and(|byte| *byte >= 128))]);
    fs::write(&path, text.unwrap_or(content)).expect("room in memory");
    // Told for it alone: what ends in NDJSON's name begins with a brace, and is told by that.
    let mut paths = vec![(source, path.display().to_string())];
    let others: &[Source] = match job_kind {
        JobKind::Sequences if source == Source::Carts => &[Source::Clicks],
        JobKind::Sequences => &[Source::Impressions, Source::Clicks],
        JobKind::Features => &[Source::Impressions, Source::Clicks, Source::Listings],
        JobKind::Dwell => &[],
    };
    for other in others.iter().filter(|other| **other != source) {
        // In the format of the hostile one there may be no good ones; then faults of these end the
        // run, which is why half of all cases leave the format to be told by content.
        let path = folder.join(format!("{}.ndjson", other.name()));
        fs::write(&path, good(job_kind, *other)).expect("room in memory");
        paths.push((*other, path.display().to_string()));
    }
    let is_told = choice >> 5 & 1 == 1 || job_kind == JobKind::Dwell;
    let mut ask = Ask::from(job_kind);
    match &mut ask {
        Ask::Sequences(own) if choice >> 7 == 1 => own.cutoff = Cutoff::Time,
        Ask::Features(own) if choice >> 7 == 1 => own.label_key = LabelKey::Listing,
        _ => {}
    }
    if let Ask::Sequences(own) = &mut ask
        && source == Source::Carts
    {
        own.impressions_from = Some(source);
    }
    // The first byte of the content says how CSV is laid out, one case in two.
    let layout = content.first().filter(|byte| **byte >= 128).map_or("", |byte| {
        ["delimiter=tab", "delimiter=::", "header=customer_id,item_id,click_time", "escape=\\", "comment=#"]
            [usize::from(byte % 5)]
    });
    let mut source_settings = Vec::new();
    if !layout.is_empty() {
        source_settings.extend(hitherto::source_setting(&format!("{}.{layout}", source.name())));
    }
    let settings = Settings {
        source_settings,
        ask,
        allow_unused: true,
        // By length, as all bits of the first byte are taken.
        time_unit: content.len().is_multiple_of(3).then_some(TimeUnit::Second),
        time_format: content.len().is_multiple_of(5).then(|| "%d/%m/%y %I:%M:%S%.f %p".to_owned()),
        paths,
        format: is_told.then_some(format),
        on_bad_row: if choice >> 6 & 1 == 1 { OnBadRow::Quarantine } else { OnBadRow::Error },
        tuning: Tuning { text_piece_bytes: 64, ..Tuning::default() },
        ..Settings::default()
    };
    drop(hitherto_fuzz::run(settings));
});
