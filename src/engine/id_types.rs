//! The types of ids: as the job says, or as its files have them, which must agree.

use crate::error::Result;
use crate::job::{CustomerType, Job, Source};
use crate::scan::Opened;
use crate::scan::arrays::IdColumn;

/// The type of customers: text where columns are, else integers.
pub(super) fn customer_type(job: &Job, opened: &[Opened]) -> Result<CustomerType> {
    let name = job.column(Source::Impressions, "customer_id");
    let (of_text, texts) = (CustomerType::Int64, CustomerType::String);
    let differs = "its customers are of another type than in the files before it; \
                   --customer-type string or int64 reads both alike";
    type_of(job, opened, name, (of_text, texts), differs)
}

/// The type of a column of ids: integers where columns are, else text; `of_text` in text files.
pub(super) fn id_type(
    job: &Job,
    opened: &[Opened],
    name: &str,
    of_text: CustomerType,
) -> Result<CustomerType> {
    let differs = format!(
        "its column \"{name}\" is of another type than in the files before it; \
         --id-type string reads them alike"
    );
    type_of(job, opened, name, (of_text, CustomerType::Int64), &differs)
}

/// The type of a column: in Parquet `first` where it holds that, and else the other one.
fn type_of(
    job: &Job,
    opened: &[Opened],
    name: &str,
    (of_text, first): (CustomerType, CustomerType),
    differs: &str,
) -> Result<CustomerType> {
    if let Some(given) = job.customer_type {
        return Ok(given);
    }
    let mut found: Option<CustomerType> = None;
    for file in opened {
        let of = match file {
            Opened::Empty(..) => continue,
            Opened::Text(..) => of_text,
            Opened::Parquet(parquet) => {
                let data_type = parquet.required(name)?.data_type();
                match (IdColumn::holds(data_type, first, false), first) {
                    (true, _) => first,
                    (false, CustomerType::Int64) => CustomerType::String,
                    (false, CustomerType::String) => CustomerType::Int64,
                }
            }
        };
        if found.is_some_and(|found| found != of) {
            return Err(file.file().fault(differs));
        }
        found = Some(of);
    }
    Ok(found.unwrap_or(of_text))
}
