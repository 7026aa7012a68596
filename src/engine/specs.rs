//! A job to what each stage needs to know of it.
//!
//! **In / Out**: a [`Job`] → a spec per stage. **Invariants**: no stage before `output` sees the job
//! itself; what a stage may depend on is what its spec has. **Cost**: specs borrow from the job and
//! are made where they are handed over.

use arrow::datatypes::Schema;

use crate::encode::{self, WriteSpec};
use crate::job::{CustomerType, ItemVocabulary, Job, Publish};
use crate::publish::{PublishSpec, VOCABULARY};
use crate::vocabulary::VocabularySpec;

/// Where the output goes, and how it comes there.
pub(super) fn publish_spec(job: &Job) -> PublishSpec<'_> {
    PublishSpec {
        question: job.question,
        out: &job.out,
        publish: job.publish,
    }
}

/// Where the codes of items come from; nothing if ids are integers.
pub(super) fn vocabulary_spec(job: &Job) -> Option<VocabularySpec<'_>> {
    let file = match job.item_vocabulary.as_ref()? {
        ItemVocabulary::File(path) => Some(path.as_path()),
        ItemVocabulary::Build => None,
    };
    let adds_days = matches!(job.publish, Publish::AddDays(_));
    Some(VocabularySpec {
        file,
        extends: adds_days.then(|| job.out.join(VOCABULARY)),
        unknown_item: job.unknown_item,
    })
}

/// How rows become Parquet, given the type of `customer_id`.
pub(crate) fn write_spec(job: &Job, customers: CustomerType) -> WriteSpec<'_> {
    WriteSpec {
        layout: job.layout,
        customers,
        item_type: job.item_type,
        actions_max: job.actions_max,
        pad: job.pad,
        code_max: job.code_max(),
        sides: &job.sides,
        keep: &job.keep,
        negative_weight: job.negative_weight(),
        codec: job.codec,
        page_bytes_max: job.page_bytes_max,
        encode_plain: job.encode_plain,
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
