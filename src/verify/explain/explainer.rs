//! Impressions of a set and the actions of their customers to explanations.

use std::collections::{BTreeMap, BTreeSet};

use super::{ExplainSettings, Explained, ExplainedAction};
use crate::calendar::{date_text, instant_text};
use crate::context::RunContext;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, Micros};
use crate::job::{Attribute, DT, Guests, Settings, Source};
use crate::reference::read::{self, CustomerIds, ItemCodes, LogFile, LogRecord, WantedImpressions};
use crate::reference::{
    ActionOutcome, Candidate, ExclusionReason, LogAction, LogImpression, LogTime, Rules,
    explanation_of, sequences,
};
use crate::verify::audit::{SetInputs, number_text};
use crate::verify::manifests::PublishedSet;

/// Explains impressions of one set.
pub(super) struct Explainer<'a> {
    /// Which impressions to explain.
    pub(super) query: &'a ExplainSettings,
    pub(super) set: &'a PublishedSet,
    /// The settings that the set was made with.
    pub(super) settings: &'a Settings,
    pub(super) rules: Rules,
    pub(super) codes: ItemCodes,
}

/// An impression, the file it is from, and its 1-based record there.
type LocatedImpression = (LogImpression, (String, u64));

impl Explainer<'_> {
    /// Explains all impressions that match.
    ///
    /// # Errors
    /// If a file cannot be read, or no impression matches.
    pub(super) fn explain_all(
        &self,
        inputs: &SetInputs,
        context: &RunContext,
    ) -> Result<Vec<Explained>> {
        let check: read::Check<'_> = &|| context.check();
        let (mut explained, mut without_rows) = (Vec::new(), Vec::new());
        // By group of days, as each was made from files of its own: an action that a later run saw
        // must not explain a history of an earlier one.
        for group in &inputs.groups {
            let mut impressions = Vec::new();
            for (days, files) in &group.days {
                context.check()?;
                let days = days.iter().map(|at| self.set.days[*at].day.0).collect();
                for record in self.records_of(&days, files, check)? {
                    match self.impression_of(record) {
                        Ok(impression) => impressions.push(impression),
                        Err(why) => without_rows.push(why),
                    }
                }
            }
            let customers = impressions.iter();
            let customers = customers.filter_map(|(impression, _)| impression.customer.clone());
            let customers = CustomerIds::new(customers.collect());
            if impressions.is_empty() {
                continue;
            }
            let (actions, _) =
                read::actions(self.settings, &self.codes, &group.files, &customers, check)?;
            let mut by_customer: BTreeMap<&str, Vec<&LogRecord<LogAction>>> = BTreeMap::new();
            for action in actions.iter().flatten() {
                by_customer.entry(&action.owner).or_default().push(action);
            }
            for (impression, from) in &impressions {
                let customer = impression.customer.as_deref();
                let own = customer.and_then(|customer| by_customer.get(customer));
                let own = own.map_or(&[][..], Vec::as_slice);
                explained.push(self.explain_one(impression, from, own));
            }
        }
        if explained.is_empty() {
            return Err(self.not_found(&without_rows));
        }
        Ok(explained)
    }

    /// The records of impressions of some days that match.
    fn records_of(
        &self,
        days: &BTreeSet<i32>,
        files: &[LogFile],
        check: read::Check<'_>,
    ) -> Result<Vec<LogRecord<LogImpression>>> {
        let query = self.query;
        let is_wanted = |day: i32, customer: Option<&str>, ranking: &str| {
            let is_ranking = query.ranking_id.as_deref().is_none_or(|id| id == ranking);
            let is_customer = query.customer.is_none() || query.customer.as_deref() == customer;
            days.contains(&day) && is_ranking && is_customer
        };
        let ranking = query.ranking_id.as_deref();
        let rankings = ranking.map(|id| BTreeSet::from([id]));
        let wanted = WantedImpressions {
            is_wanted: &is_wanted,
            rankings: rankings.as_ref(),
        };
        read::impressions(self.settings, &self.codes, files, wanted, check)
    }

    /// The impression of a record, or why the set has no rows of it.
    fn impression_of(
        &self,
        record: LogRecord<LogImpression>,
    ) -> std::result::Result<LocatedImpression, String> {
        let LogRecord {
            row, file, record, ..
        } = record;
        match row {
            Err(fault) => Err(format!(
                "record {record} of \"{file}\" was set aside: column \"{}\": {}",
                fault.column, fault.what
            )),
            Ok(impression)
                if impression.customer.is_none()
                    && self.settings.sequences().guests == Guests::Drop =>
            {
                Err(format!(
                    "record {record} of \"{file}\" is of a guest, and those were left out"
                ))
            }
            Ok(impression) if is_sampled_away(&self.rules, &impression) => Err(format!(
                "of record {record} of \"{file}\" the sample of negatives has left nothing"
            )),
            Ok(impression) => Ok((impression, (file.to_string(), record))),
        }
    }

    /// The error if no impression matches.
    fn not_found(&self, without_rows: &[String]) -> Error {
        let query = self.query;
        let ranking = query
            .ranking_id
            .as_ref()
            .map(|id| format!("ranking \"{id}\""));
        let customer = query.customer.as_ref().map(|id| format!("customer {id}"));
        let day = query.day.map(|day| format!("day {}", date_text(day)));
        let wanted: Vec<String> = [ranking, customer, day].into_iter().flatten().collect();
        let days = match (self.set.days.first(), self.set.days.last()) {
            (Some(first), Some(last)) => {
                let (first, last) = (date_text(first.day), date_text(last.day));
                format!("its days are {first} to {last}")
            }
            _ => "it has no days".to_owned(),
        };
        let why = without_rows.first().unwrap_or(&days);
        let (wanted, out) = (wanted.join(", "), query.out.display());
        let what = format!("no impression of {wanted} in \"{out}\"; {why}");
        Error::from(ErrorKind::NoInput { what })
    }

    /// Explains one impression, given the actions of its customer.
    fn explain_one(
        &self,
        impression: &LogImpression,
        from: &(String, u64),
        own: &[&LogRecord<LogAction>],
    ) -> Explained {
        let (good, bad): (Vec<_>, Vec<_>) =
            own.iter().copied().partition(|record| record.row.is_ok());
        // The same order as `good`, so that a candidate's index finds its record there.
        let log: Vec<LogAction> = good
            .iter()
            .filter_map(|record| record.row.clone().ok())
            .collect();
        let explanation = explanation_of(&self.rules, impression, &log);
        let mut actions = Vec::new();
        let mut before: Option<Candidate> = None;
        for candidate in &explanation.candidates {
            // Candidates are in the total order of actions, so equal ones are neighbours.
            let is_duplicate = before.is_some_and(|before| {
                let key = |candidate: &Candidate| {
                    let action = &log[candidate.at];
                    (candidate.time_us, action.kind, action.item)
                };
                key(&before) == key(candidate)
            });
            let (record, action) = (good[candidate.at], &log[candidate.at]);
            let mut explained = self.explain_action(record, action, candidate);
            if candidate.outcome != ActionOutcome::Repeat && is_duplicate {
                explained.fate += ", an exact duplicate of the one before";
            }
            actions.push(explained);
            before = Some(*candidate);
        }
        actions.extend(bad.into_iter().filter_map(bad_row));
        let own = self.settings.sequences();
        let attributes = own.attributes.iter();
        let attributes = attributes.filter(|attribute| **attribute != Attribute::TimeDelta);
        Explained {
            customer: impression.customer.clone(),
            ranking: impression.ranking.clone(),
            day: Day(impression.day),
            from: from.clone(),
            cutoff: instant_text(Micros(explanation.cutoff_us)),
            lookback_start: explanation
                .start_us
                .map(|start| instant_text(Micros(start))),
            actions_max: own.actions_max,
            timezone: self.settings.zone_name().to_owned(),
            told: attributes
                .map(|attribute| attribute.column().to_owned())
                .collect(),
            actions,
        }
    }

    /// An action with its outcome.
    fn explain_action(
        &self,
        record: &LogRecord<LogAction>,
        action: &LogAction,
        candidate: &Candidate,
    ) -> ExplainedAction {
        ExplainedAction {
            time: Some(instant_text(Micros(candidate.time_us))),
            source: record.source,
            kind: Some(action.kind),
            item: Some(action.item).filter(|item| *item != 0),
            item_text: self.codes.text(action.item),
            told: action.attributes.iter().map(number_text).collect(),
            position: match candidate.outcome {
                ActionOutcome::InHistory(position) => u64::try_from(position).ok(),
                _ => None,
            },
            fate: self.outcome_text(record.source, action, candidate.outcome),
            from: (record.file.to_string(), record.record),
        }
    }

    /// The outcome of an action, in words.
    fn outcome_text(&self, source: Source, action: &LogAction, outcome: ActionOutcome) -> String {
        let own = self.settings.sequences();
        match outcome {
            ActionOutcome::InHistory(position) => format!("kept at position {position}"),
            ActionOutcome::Repeat => "left out as a repeat of the one before".to_owned(),
            ActionOutcome::BeyondLast => format!("beyond the last {}", own.actions_limit()),
            ActionOutcome::Excluded(reason) => self.reason_text(source, action, reason),
        }
    }

    /// Why an action is not prior, in words.
    fn reason_text(&self, source: Source, action: &LogAction, reason: ExclusionReason) -> String {
        let own = self.settings.sequences();
        let mut available = own.available.iter();
        let available = available.find(|(owner, _)| *owner == source);
        let available = available.map_or("", |(_, column)| column.as_str());
        match reason {
            ExclusionReason::UnknownItem => "on an item that the vocabulary lacks".to_owned(),
            ExclusionReason::OtherType => "of a type that does not count".to_owned(),
            ExclusionReason::AtCutoff => "at the very cutoff, so not prior".to_owned(),
            ExclusionReason::AfterCutoff => "after the cutoff".to_owned(),
            ExclusionReason::DayNotOver => {
                "not yet known: only its day is, which was not over".to_owned()
            }
            ExclusionReason::NeverKnown => format!("never available: {available} is null"),
            ExclusionReason::KnownLate => match action.available.flatten() {
                Some(LogTime::Date(day)) if available == DT => {
                    let day = date_text(Day(day));
                    format!(
                        "not yet available: by {available} it landed on {day}, which was not over"
                    )
                }
                _ => format!("not yet available: by {available} not before the cutoff"),
            },
            ExclusionReason::Embargoed => {
                let mut embargo = own.embargo_us.iter();
                let embargo = embargo.find(|(owner, _)| *owner == source);
                let seconds = embargo.map_or(0, |(_, us)| us / 1_000_000);
                format!("not yet available: embargo of {seconds} s")
            }
            ExclusionReason::BeforeLookback => "before the lookback".to_owned(),
        }
    }
}

/// A bad row of actions, if the record is one.
fn bad_row(record: &LogRecord<LogAction>) -> Option<ExplainedAction> {
    let fault = record.row.as_ref().err()?;
    Some(ExplainedAction {
        time: None,
        source: record.source,
        kind: None,
        item: None,
        item_text: None,
        told: Vec::new(),
        position: None,
        fate: format!("quarantined: column \"{}\": {}", fault.column, fault.what),
        from: (record.file.to_string(), record.record),
    })
}

/// Whether an impression has no rows because negative sampling left none of its items.
fn is_sampled_away(rules: &Rules, impression: &LogImpression) -> bool {
    let is_empty = |rules| sequences(rules, std::slice::from_ref(impression), &[]).is_empty();
    let all = Rules {
        negatives: None,
        ..rules.clone()
    };
    is_empty(rules) && !is_empty(&all)
}
