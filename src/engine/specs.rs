//! A job to what each stage needs to know of it.
//!
//! **In / Out**: a [`Job`] → a spec per stage. **Invariants**: no stage before `output` sees the job
//! itself; what a stage may depend on is what its spec has. **Cost**: specs borrow from the job and
//! are made where they are handed over.

use crate::job::{ItemVocabulary, Job, Publish};
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
