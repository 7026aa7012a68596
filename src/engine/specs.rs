//! A job to the settings of each stage.
//!
//! **In / Out**: a [`Job`] → one spec per stage. **Invariants**: no stage before `output` sees the job
//! itself, so a stage depends on nothing but the fields of its spec. The exception is
//! `manifest`, which records the job. **Cost**: specs borrow from the job and are made where
//! they are passed on.

use arrow::datatypes::Schema;

use crate::calendar::DAY_US;
use crate::catalog::paths::FileSpec;
use crate::encode::{self, WriteSpec};
use crate::ids::{Day, Micros};
use crate::job::{CustomerType, ItemVocabulary, Job, Publish, UnknownItem};
use crate::publish::{OF_SETS, PublishSpec, VOCABULARY};
use crate::scan::events::{EventChoice, EventRoles};
use crate::scan::spec::{ActionSpec, ClickSpec, DaySpec, ImpressionSpec, MomentSpec, ReadSpec};
use crate::vocabulary::VocabularySpec;

/// Where the files of each source are.
pub(crate) fn file_spec(job: &Job) -> FileSpec<'_> {
    let mut sources = job.sources();
    sources.retain(|source| !job.sequences().without.contains(source));
    FileSpec {
        job_kind: job.kind(),
        sources,
        impressions_from: job.sequences().impressions_from,
        dir: job.dir.as_deref(),
        paths: &job.paths,
        files_from: &job.files_from,
        null_values: &job.null_values,
        source_settings: &job.source_settings,
        share: job.share().map(|share| share.number),
    }
}

/// How files are read, of any source.
pub(crate) fn read_spec(job: &Job) -> ReadSpec<'_> {
    let own = job.sequences();
    ReadSpec {
        job_kind: job.kind(),
        format: job.format,
        columns: &job.columns,
        source_settings: &job.source_settings,
        moments: own.impressions_from.map(|source| MomentSpec {
            source,
            only: &own.impressions_where,
        }),
        source_zones: job.source_zones(),
        zone: job.zone(),
        wall_zone: job.zone(),
        is_zone_named: job.timezone.is_some(),
        time_unit: job.time_unit,
        time_format: job.time_format.as_deref(),
        allow_unused: job.allow_unused,
        null_values: &job.null_values,
        guest_ids: &own.guest_ids,
        customer_type: job.customer_type,
        item_type: own.item_type,
        has_item_codes: own.item_vocabulary.is_some(),
        on_bad_row: job.on_bad_row,
        bad_rows_max: job.bad_rows_max,
        threads: job.threads,
        text_piece_bytes: job.tuning.text_piece_bytes,
        piece_rows_min: job.tuning.piece_rows_min,
        cutoff: own.cutoff,
        listings_as_of: job.features().listings_as_of.as_deref(),
        kept: &job.features().keep,
        actions: ActionSpec {
            sources: &own.actions,
            available: &own.available,
            embargo_us: &own.embargo_us,
            types: &own.types,
            attributes: &own.attributes,
            dedup: job.dedup,
            drops_items: own.unknown_item == UnknownItem::Drop,
            actions_max: own.actions_limit(),
            lateness_max_us: own.lateness_max_us,
            wave_rows_min: job.tuning.wave_rows_min,
        },
    }
}

/// The days of impressions that are read; `skipped` are those that the output has already and keeps.
pub(crate) fn day_spec<'a>(job: &'a Job, skipped: &'a [Day]) -> DaySpec<'a> {
    DaySpec {
        from: job.from,
        to: job.to,
        days: &job.days,
        skipped,
    }
}

/// Which impressions and items of `sequences` become rows.
pub(crate) fn impression_spec<'a>(job: &'a Job, skipped: &'a [Day]) -> ImpressionSpec<'a> {
    let own = job.sequences();
    ImpressionSpec {
        no_labels: own.no_labels,
        days: day_spec(job, skipped),
        lookback: own.lookback(),
        guests: own.guests,
        null_label: own.null_label,
        negatives_rate: own.negatives_rate,
        seed: own.seed,
        keep: &own.keep,
    }
}

/// How clicks of `features` are matched and deduplicated.
pub(crate) fn click_spec(job: &Job) -> ClickSpec {
    ClickSpec {
        label_key: job.features().label_key,
        dedup: job.dedup,
    }
}

/// How far the offset that a time is written with can move its day, and some more.
const OFFSETS_US: i64 = 26 * 3_600 * 1_000_000;

/// Which events count.
pub(crate) fn event_choice(job: &Job) -> EventChoice<'_> {
    let own = job.dwell();
    EventChoice {
        method: own.dwell_method,
        roles: EventRoles {
            opens: &own.opens,
            closes: &own.closes,
            ignores: &own.ignores,
            are_usual: own.has_usual_roles(),
        },
        span: span_of(job),
        shard: job.shard,
    }
}

/// The first and the last moment of events that may count for the days asked for. An event before a day may
/// last into it, and one after a day may end what lasts until then, by the idle timeout at most.
fn span_of(job: &Job) -> Option<(Micros, Micros)> {
    let first = job.days.iter().min().copied().or(job.from);
    let last = job.days.iter().max().copied().or(job.to);
    if first.is_none() && last.is_none() {
        return None;
    }
    let margin = OFFSETS_US.saturating_add(job.dwell().idle_timeout_us);
    let start = |day: Day| i64::from(day.0).saturating_mul(DAY_US);
    let first = first.map_or(i64::MIN, |day| start(day).saturating_sub(margin));
    let last = last.map_or(i64::MAX, |day| {
        let end = start(day).saturating_add(DAY_US);
        end.saturating_add(margin)
    });
    Some((Micros(first), Micros(last)))
}

/// Where the output is published, and how.
pub(crate) fn publish_spec(job: &Job) -> PublishSpec<'_> {
    PublishSpec {
        job_kind: job.kind(),
        out: &job.out,
        publish: job.publish,
        manifests: OF_SETS,
    }
}

/// Where the codes of items come from; `None` if item ids are integers.
pub(crate) fn vocabulary_spec(job: &Job) -> Option<VocabularySpec<'_>> {
    let own = job.sequences();
    let file = match own.item_vocabulary.as_ref()? {
        ItemVocabulary::File(path) => Some(path.as_path()),
        ItemVocabulary::Build => None,
    };
    let adds_days = matches!(job.publish, Publish::AddDays(_));
    Some(VocabularySpec {
        file,
        // The file may not exist: `--add-days` also begins a set.
        extends: adds_days.then(|| job.out.join(VOCABULARY)),
        unknown_item: own.unknown_item,
    })
}

/// How rows are encoded as Parquet, given the type of `customer_id`.
pub(crate) fn write_spec(job: &Job, customers: CustomerType) -> WriteSpec<'_> {
    let own = job.sequences();
    WriteSpec {
        layout: own.layout,
        customers,
        item_type: own.item_type,
        actions_max: own.actions_limit(),
        pad: own.pads(),
        oldest_first: own.oldest_first,
        code_max: job.code_max(),
        attributes: &own.attributes,
        keep: &own.keep,
        rename: &own.rename,
        negative_weight: job.negative_weight(),
        codec: job.codec,
        page_bytes_max: job.tuning.page_bytes_max,
        encode_plain: job.tuning.encode_plain,
    }
}

/// The schema of the output of `sequences`; `text_ids` says whether customer ids are texts.
///
/// `customer_id` is nullable even if the job drops guests, so that the schema does not depend on
/// that. Labels may be null, and so may the time of the last action of an empty history.
pub fn schema(job: &Job, text_ids: bool) -> Schema {
    let customers = if text_ids {
        CustomerType::String
    } else {
        CustomerType::Int64
    };
    encode::schema(&write_spec(job, customers))
}
