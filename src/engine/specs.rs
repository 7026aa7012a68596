//! A job to what each stage needs to know of it.
//!
//! **In / Out**: a [`Job`] → a spec per stage. **Invariants**: no stage before `output` sees the job
//! itself, but for the settings in manifests; what a stage may depend on is what its spec has. **Cost**: specs borrow from the job and
//! are made where they are handed over.

use arrow::datatypes::Schema;

use crate::catalog::paths::FileSpec;
use crate::encode::{self, WriteSpec};
use crate::ids::Day;
use crate::job::{CustomerType, ItemVocabulary, Job, Publish};
use crate::publish::{PublishSpec, VOCABULARY};
use crate::scan::spec::{ActionSpec, ClickSpec, DaySpec, ImpressionSpec, ReadSpec};
use crate::vocabulary::VocabularySpec;

/// Where the files of each source are.
pub(crate) fn file_spec(job: &Job) -> FileSpec<'_> {
    let mut sources = job.sources();
    sources.retain(|source| !job.sequences().without.contains(source));
    FileSpec {
        job_kind: job.kind(),
        sources,
        dir: job.dir.as_deref(),
        paths: &job.paths,
        files_from: &job.files_from,
        null_values: &job.null_values,
    }
}

/// How files are read.
pub(crate) fn read_spec(job: &Job) -> ReadSpec<'_> {
    let own = job.sequences();
    ReadSpec {
        job_kind: job.kind(),
        format: job.format,
        columns: &job.columns,
        zone: job.zone(),
        is_zone_named: job.timezone.is_some(),
        time_unit: job.time_unit,
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
        cutoff: own.cutoff,
        actions: ActionSpec {
            sources: &own.actions,
            available: &own.available,
            embargo_us: &own.embargo_us,
            types: &own.types,
            attributes: &own.attributes,
            dedup: job.dedup,
            actions_max: own.actions_max,
            lateness_max_us: own.lateness_max_us,
            wave_rows_min: job.tuning.wave_rows_min,
        },
    }
}

/// Which days of impressions are asked for, but for those that the output has already, and keeps.
pub(crate) fn day_spec<'a>(job: &'a Job, skipped: &'a [Day]) -> DaySpec<'a> {
    DaySpec {
        from: job.from,
        to: job.to,
        days: &job.days,
        skipped,
    }
}

/// What becomes of the impressions of `sequences`.
pub(crate) fn impression_spec<'a>(job: &'a Job, skipped: &'a [Day]) -> ImpressionSpec<'a> {
    let own = job.sequences();
    ImpressionSpec {
        days: day_spec(job, skipped),
        lookback_days: own.lookback_days,
        guests: own.guests,
        null_label: own.null_label,
        negatives_rate: own.negatives_rate,
        seed: own.seed,
        keep: &own.keep,
    }
}

/// What becomes of the clicks of `features`.
pub(crate) fn click_spec(job: &Job) -> ClickSpec {
    ClickSpec {
        label_key: job.features().label_key,
        dedup: job.dedup,
    }
}

/// Where the output goes, and how it comes there.
pub(crate) fn publish_spec(job: &Job) -> PublishSpec<'_> {
    PublishSpec {
        job_kind: job.kind(),
        out: &job.out,
        publish: job.publish,
    }
}

/// Where the codes of items come from; nothing if ids are integers.
pub(crate) fn vocabulary_spec(job: &Job) -> Option<VocabularySpec<'_>> {
    let own = job.sequences();
    let file = match own.item_vocabulary.as_ref()? {
        ItemVocabulary::File(path) => Some(path.as_path()),
        ItemVocabulary::Build => None,
    };
    let adds_days = matches!(job.publish, Publish::AddDays(_));
    Some(VocabularySpec {
        file,
        extends: adds_days.then(|| job.out.join(VOCABULARY)),
        unknown_item: own.unknown_item,
    })
}

/// How rows become Parquet, given the type of `customer_id`.
pub(crate) fn write_spec(job: &Job, customers: CustomerType) -> WriteSpec<'_> {
    let own = job.sequences();
    WriteSpec {
        layout: own.layout,
        customers,
        item_type: own.item_type,
        actions_max: own.actions_max,
        pad: own.pad,
        code_max: job.code_max(),
        attributes: &own.attributes,
        keep: &own.keep,
        negative_weight: job.negative_weight(),
        codec: job.codec,
        page_bytes_max: job.tuning.page_bytes_max,
        encode_plain: job.tuning.encode_plain,
    }
}

/// The schema of the output: SPEC's table, column by column.
///
/// `customer_id` can be null for guests, whatever the job does with them, so that the schema does
/// not depend on that; a label may be null, and the last action of an empty history is.
pub fn schema(job: &Job, text_ids: bool) -> Schema {
    let customers = match text_ids {
        true => CustomerType::String,
        false => CustomerType::Int64,
    };
    encode::schema(&write_spec(job, customers))
}
