//! Row groups to parts, and parts to a published set: what all job kinds share, and a folder for each.
//!
//! **In / Out**: what a run read → parts, manifests, metrics, rejected rows, and the report of the run.
//! **Invariants**: which rows a row group and a part hold depends on the input and the settings alone.
//! Row groups are encoded on all threads and written in order.

mod columns;
mod commit;
pub(crate) mod dwell;
pub(crate) mod features;
mod in_order;
mod parquet_file;
mod part_rows;
mod parts;
mod plan;
mod runs;
pub(crate) mod sequences;
mod table;

pub use self::commit::DayReport;
pub(crate) use self::commit::{FilesRead, RunInputs};
pub use self::dwell::DwellReport;
pub use self::features::FeaturesReport;
pub(crate) use self::part_rows::PartRows;
pub(crate) use self::parts::{micros_since, number_of_part};
pub use self::sequences::Report;
