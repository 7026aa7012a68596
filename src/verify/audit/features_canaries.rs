//! Canaries of `features`: clicks planted around real impressions, and run through the engine.
//!
//! ```text
//!   ──────────o│o|─o───────────────o|o──►      of the user on the listing, one microsecond apart
//!      counted │at └ label   label ┘ └ after the label's window
//! ```
//! **In / Out**: audited impressions of different users and listings → three small datasets, what the
//! engine makes of each, and a problem for each row that is not the twin's, or whose counts or label
//! are not those of the audited row as the planted clicks must change them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::features::{Key, Market, Markets, difference, is_same, row_of, types_of};
use super::near::{nearest, time_value};
use super::rows::read_all;
use super::{Audit, Canaries};
use crate::calendar::{date_text, instant_text};
use crate::context::RunContext;
use crate::engine;
use crate::error::{Error, Result};
use crate::ids::{Day, Micros, count64};
use crate::job::{CustomerType, Format, Job, OnBadRow, Publish, Settings, Source, TimeUnit};
use crate::publish::TempDir;
use crate::reference::features::{Click, Impression, OrderedClicks, Row, Rules};
use crate::reference::read::{instant_of, is_near};
use crate::reference::{LogTime, instant_in, instants_in};
use crate::verify::Problems;

/// What planted clicks must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// One more is counted, and the label stays.
    Counted,
    /// The label is 1, and counts stay.
    Label,
}

/// An impression, and the inputs that it is of.
struct Nest<'a> {
    shown: &'a Impression,
    /// The clicks around it that are planted again.
    clicks: Vec<Click>,
    /// The row that it makes with these.
    row: Row,
    market: &'a Market,
}

impl Nest<'_> {
    /// Whether there is a click of its user on its listing at a moment.
    fn has_click(&self, timezone: &str, at_us: i64) -> bool {
        let user = self.market.has_users.then_some(&self.shown.user);
        let is_theirs = |of: &&Click| of.user.as_ref() == user && of.listing == self.shown.listing;
        let mut theirs = self.clicks.iter().filter(is_theirs);
        theirs.any(|click| instant_in(timezone, click.time) == at_us)
    }

    /// The row that the impression makes with more clicks.
    fn row_with(&self, rules: &Rules, more: &[Click]) -> Option<Row> {
        let clicks = OrderedClicks::new(rules, &[&self.clicks, more].concat());
        self.market.row_of(rules, self.shown, &clicks)
    }
}

/// Plants canaries around some impressions, runs the engine, and looks at what it made.
pub(super) fn canaries(
    audit: &Audit<'_>,
    rules: &Rules,
    markets: &Markets,
    keys: &BTreeSet<Key>,
    problems: &mut Problems,
) -> Result<Canaries> {
    let (mut nests, real) = nests_of(rules, markets, keys);
    let window = rules.label_window_us;
    let settings = &audit.set.settings;
    // What is planted beyond the years that times may be of would be a fault of its row.
    nests.retain(|nest| {
        let planted = plant(nest, &[-1, 1, window.saturating_add(1)]);
        planted.iter().all(|of| is_near(settings, of.time))
    });
    let mut found = Canaries {
        impressions: count64(nests.len()),
        ..Canaries::default()
    };
    let Some(first) = nests.first() else {
        return Ok(found);
    };
    let data_end = match first.market.data_end_us {
        Some(end) => instant_text(Micros(end)),
        // A moment before all others stands for inputs without a click.
        None => "0001-01-01".to_owned(),
    };
    if instant_of(settings, &data_end).is_none() {
        return Ok(Canaries::default());
    }
    let plans: [(&[i64], Effect); 3] = [
        (&[-1, 0, window.saturating_add(1)], Effect::Counted),
        (&[1], Effect::Label),
        (&[window], Effect::Label),
    ];
    // The ids of a file of text are of one type: integers are texts as well.
    let ids = match types_of(audit)?.contains(&CustomerType::String) {
        true => CustomerType::String,
        false => CustomerType::Int64,
    };
    for (offsets, effect) in plans {
        let folder = TempDir::create(&audit.temp_dir(), "hitherto-canaries")?;
        let planted = |nest: &Nest<'_>| plant(nest, offsets);
        let mut of_planted = write(settings, folder.path(), (&nests, &real), ids, planted)?;
        of_planted.features_mut().data_end = Some(data_end.clone());
        let job = Job::new(of_planted)?;
        engine::features(&job, &RunContext::default())?;
        let mut rows = read_back(&job)?;
        for nest in &nests {
            let key = (nest.row.day, nest.shown.id.clone());
            let made = rows.remove(&key);
            let planted = plant(nest, offsets);
            let right = nest.row_with(rules, &planted);
            found.planted += count64(planted.len());
            let what = match (made, right) {
                (Some(made), Some(right)) => {
                    let more = more(settings, rules, nest, effect);
                    judge(settings, (&made, &right), &nest.row, (effect, more))
                }
                _ => Some("it has no row".to_owned()),
            };
            match what {
                None => {
                    found.kept += 1;
                    found.refused += count64(planted.len()) - 1;
                }
                Some(what) => {
                    let path = format!("date={}", date_text(Day(nest.row.day)));
                    let id = &nest.shown.id;
                    problems.add(path, format!("canaries around impression {id}: {what}"));
                }
            }
        }
    }
    Ok(found)
}

/// Impressions of different users and listings, all of one group of days, and the clicks around them.
fn nests_of<'a>(
    rules: &Rules,
    markets: &'a Markets,
    keys: &BTreeSet<Key>,
) -> (Vec<Nest<'a>>, Vec<Click>) {
    let (mut users, mut listings, mut ids) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let mut chosen: Vec<(&Market, &Impression)> = Vec::new();
    let mut group_of_all = None;
    for key in keys {
        let shown = markets
            .shown
            .get(key)
            .and_then(|shown| shown.values().next());
        let Some((group, shown)) = shown else {
            continue;
        };
        let market = &markets.groups[*group];
        let price = market.listing_of(shown).and_then(|of| of.price);
        let is_json = price.is_none_or(f64::is_finite);
        let is_free = !users.contains_key(shown.user.as_str())
            && !listings.contains_key(shown.listing.as_str())
            && !ids.contains(&shown.id);
        if !is_json || !is_free || *group_of_all.get_or_insert(*group) != *group {
            continue;
        }
        users.insert(shown.user.as_str(), chosen.len());
        listings.insert(shown.listing.as_str(), chosen.len());
        ids.insert(&shown.id);
        chosen.push((market, shown));
    }
    let clicks = chosen.first().map_or(&[][..], |(market, _)| &market.clicks);
    // The nests that a click lies around: that of its listing, and that of its user.
    let nests_of = |click: &Click| {
        let on_listing = listings.get(click.listing.as_str());
        let of_user = click.user.as_deref().and_then(|user| users.get(user));
        let of_user = of_user.filter(|of| Some(*of) != on_listing);
        on_listing.into_iter().chain(of_user).copied()
    };
    let instants = |times: &mut dyn Iterator<Item = LogTime>| instants_in(&rules.timezone, times);
    let moments = instants(&mut chosen.iter().map(|(_, shown)| shown.time));
    let times = instants(&mut clicks.iter().map(|click| click.time));
    let mut around: Vec<Vec<(u64, usize)>> = vec![Vec::new(); chosen.len()];
    for (place, click) in clicks.iter().enumerate() {
        for nest in nests_of(click) {
            around[nest].push((times[place].abs_diff(moments[nest]), place));
        }
    }
    let near: BTreeSet<usize> = around.into_iter().flat_map(nearest).collect();
    let near: Vec<Click> = near
        .into_iter()
        .map(|place| clicks[place].clone())
        .collect();
    // A click that is there for one nest may lie around another one, too.
    let mut own: Vec<Vec<Click>> = vec![Vec::new(); chosen.len()];
    for click in &near {
        nests_of(click).for_each(|nest| own[nest].push(click.clone()));
    }
    let nests = chosen
        .into_iter()
        .zip(own)
        .filter_map(|((market, shown), clicks)| {
            let row = market.row_of(rules, shown, &OrderedClicks::new(rules, &clicks))?;
            Some(Nest {
                shown,
                clicks,
                row,
                market,
            })
        });
    (nests.collect(), near)
}

/// Clicks of the user on the listing, so many microseconds from the impression.
fn plant(nest: &Nest<'_>, offsets: &[i64]) -> Vec<Click> {
    let click = |offset: &i64| Click {
        user: nest.market.has_users.then(|| nest.shown.user.clone()),
        listing: nest.shown.listing.clone(),
        time: LogTime::Instant(nest.row.time_us.saturating_add(*offset)),
    };
    offsets.iter().map(click).collect()
}

/// By how many clicks counts must grow: by none, if the one that is planted repeats one that is there
/// and repeats are left out.
fn more(settings: &Settings, rules: &Rules, nest: &Nest<'_>, effect: Effect) -> i64 {
    let at = nest.row.time_us.saturating_sub(1);
    let is_repeat = || rules.once && nest.has_click(settings.zone_name(), at);
    i64::from(effect == Effect::Counted && !is_repeat())
}

/// What is wrong with a row that the engine made, beside that of the twin and the one without
/// planted clicks.
fn judge(
    settings: &Settings,
    (made, right): (&Row, &Row),
    before: &Row,
    (effect, more): (Effect, i64),
) -> Option<String> {
    if !is_same(made, right) {
        return Some(difference(settings, made, right));
    }
    let counts = |row: &Row| [Some(row.of_listing.clone()), row.of_user.clone()];
    let expected = counts(before).map(|counts| {
        let counts = counts.map(Vec::into_iter);
        counts.map(|counts| counts.map(|count| count + more).collect())
    });
    let label = before.clicked || effect == Effect::Label;
    if counts(made) != expected {
        return Some(format!(
            "counts are {:?}, and should be {expected:?}",
            counts(made)
        ));
    }
    (made.clicked != label).then(|| format!("the label is {}, and should be {label}", made.clicked))
}

/// Writes the logs of all nests, and gives the settings of a job that reads them.
fn write(
    settings: &Settings,
    dir: &Path,
    (nests, real): (&[Nest<'_>], &[Click]),
    ids: CustomerType,
    planted: impl Fn(&Nest<'_>) -> Vec<Click>,
) -> Result<Settings> {
    let value = |id: &str| match ids {
        CustomerType::String => json!(id),
        CustomerType::Int64 => json!(id.parse::<i64>().unwrap_or_default()),
    };
    let click_row = |click: Click| {
        json!({
            "user_id": click.user.as_deref().map(value),
            "listing_id": value(&click.listing),
            "click_ts": time_value(click.time),
        })
    };
    let (mut shown, mut listings) = (Vec::new(), Vec::new());
    let mut clicks: Vec<Value> = real.iter().cloned().map(click_row).collect();
    for nest in nests {
        let of = nest.shown;
        shown.push(json!({
            "impression_id": value(&of.id),
            "user_id": value(&of.user),
            "listing_id": value(&of.listing),
            "impression_ts": time_value(of.time),
        }));
        clicks.extend(planted(nest).into_iter().map(click_row));
        listings.extend(nest.market.listing_of(of).map(|listing| {
            json!({
                "listing_id": value(&listing.listing),
                "category": listing.category,
                "price": listing.price,
                "created_ts": listing.created.map(time_value),
            })
        }));
    }
    let mut paths = Vec::new();
    for (source, rows) in [
        (Source::Impressions, shown),
        (Source::Clicks, clicks),
        (Source::Listings, listings),
    ] {
        let path = dir.join(format!("{}.ndjson", source.name()));
        let rows: Vec<String> = rows.iter().map(|row: &Value| format!("{row}\n")).collect();
        fs::write(&path, rows.concat()).map_err(|error| Error::io("write", &path, error))?;
        paths.push((source, path.display().to_string()));
    }
    Ok(Settings {
        allow_unused: true,
        dir: None,
        files_from: Vec::new(),
        paths,
        out: dir.join("out"),
        publish: Publish::New,
        columns: Vec::new(),
        time_unit: Some(TimeUnit::Micro),
        format: Some(Format::Ndjson),
        customer_type: Some(ids),
        on_bad_row: OnBadRow::Error,
        threads: 1,
        ..settings.clone()
    })
}

/// All rows that a run made, by impression.
fn read_back(job: &Job) -> Result<BTreeMap<Key, Row>> {
    let mut rows = BTreeMap::new();
    read_all(&job.out, |day, batch, at| {
        let row = row_of(job, day, batch, at);
        rows.insert((day, row.id.clone()), row);
    })?;
    Ok(rows)
}
