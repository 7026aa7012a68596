//! What the suites share: logs as values, files made of them, samples read back.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use hitherto::reference::{
    ComputedAttribute, LogAction, LogImpression, LogTime, Number, RepeatRule, Rules, Sample,
    items_held, sequences,
};
use hitherto::{
    ActionSource, Attribute, AttributeType, AuditRows, Cutoff, Dedup, Format, Guests,
    ItemVocabulary, Job, Layout, NullLabel, OtherTypes, Passthrough, Report, RunContext, Sequences,
    Settings, Source, Types, UnknownItem, VerifySettings, verify,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::depth::{Depth, listed_csv};
use crate::ipc::{has_types, to_arrow};
use crate::lay::{Lay, without_ranking};
use crate::published::plain;
use crate::shapes::{Shapes, id_lists, label_lists, maps_of, text_lists};
use crate::spellings::{column_of_ids, column_of_labels, json_of_id, json_of_label, text_of_time};

/// A source of numbers for tests: SplitMix64, so that a seed is a case.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// One of some values.
    pub(crate) fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        let at = usize::try_from(self.below(values.len() as u64)).expect("small");
        values[at].clone()
    }

    /// True once in `count` times.
    pub(crate) fn once_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// The values in another order.
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for at in (1..values.len()).rev() {
            values.swap(
                at,
                usize::try_from(self.below(at as u64 + 1)).expect("small"),
            );
        }
    }
}

/// How the times of a source are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeStyle {
    /// Each as it is: text.
    Text,
    /// All are instants: a timestamp in UTC.
    Instant,
    /// All are wall times: a timestamp without a zone.
    Wall,
    /// All are dates.
    Date,
    /// All are instants: integers of microseconds.
    Epoch,
}

/// How a source is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// The format.
    pub(crate) format: Format,
    /// Its times.
    pub(crate) times: TimeStyle,
    /// Files to spread the rows over.
    pub(crate) files: usize,
    /// Rows of a row group of Parquet, or of a record batch of Arrow.
    pub(crate) row_group: usize,
    /// Columns of a Parquet file have these widths: 32-bit ids, or 64.
    pub(crate) narrow: bool,
    /// A word that stands for null wherever a text may.
    pub(crate) null: Option<&'static str>,
    /// Where its columns lie.
    pub(crate) depth: Depth,
}

/// Every format.
pub(crate) const FORMATS: [Format; 5] = [
    Format::Parquet,
    Format::Csv,
    Format::Ndjson,
    Format::Json,
    Format::Arrow,
];

/// Such words.
pub(crate) const NULLS: [&str; 3] = ["NULL", "N/A", "<null>"];

/// The words that some styles need.
pub(crate) fn null_values(styles: &[Style]) -> Vec<String> {
    let is_needed = styles.iter().any(|style| style.null.is_some());
    let words = NULLS.into_iter().filter(|_| is_needed);
    words.map(str::to_owned).collect()
}

/// A case: logs, rules, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The rules.
    pub(crate) rules: Rules,
    /// The impressions.
    pub(crate) shown: Vec<LogImpression>,
    /// The actions of all sources.
    pub(crate) log: Vec<LogAction>,
    /// How impressions, clicks, carts and orders are written.
    pub(crate) styles: [Style; 4],
    /// Customers are texts.
    pub(crate) text_ids: bool,
    /// Actions have a column `known_at`.
    pub(crate) available: bool,
    /// The sources of actions, three of them; none for clicks, carts and orders.
    pub(crate) declared: Vec<ActionSource>,
    /// Impressions have the passthrough columns of [`KEEP`].
    pub(crate) keep: bool,
    /// The number of attribute columns of [`TELL`] that actions have.
    pub(crate) tell: usize,
    /// What ids of items are.
    pub(crate) items: Items,
    /// How items are written in each file of impressions; lists of structs if it is none.
    pub(crate) shapes: Option<Shapes>,
    /// Items that have codes before, in their order, and whether others are left out; a vocabulary is
    /// built if there are none.
    pub(crate) given: (Vec<i64>, bool),
    /// The shape of impressions; none for lists with ranking ids and labels.
    pub(crate) lay: Option<Lay>,
}

/// What ids of items are in the files of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Items {
    /// Integers, which are what they are.
    Ids,
    /// Integers, which are read as texts.
    Decimals,
    /// Texts.
    Texts,
}

/// The text of an item, in an order that has nothing to do with that of numbers.
pub(crate) fn item_text(items: Items, item: i64) -> String {
    let heads = ["ü b", "", "the-same-beginning-of-many-", "7"];
    let head = usize::try_from(item.unsigned_abs()).expect("small") % heads.len();
    match items {
        Items::Texts => format!("{}{item}", heads[head]),
        _ => item.to_string(),
    }
}

/// Attribute columns of actions. The last log has no prices.
pub(crate) const TELL: [&str; 3] = ["price:float32", "quantity:int32", "margin:float32"];

/// Passthrough columns of every type: of impressions, then of items.
pub(crate) const KEEP: [&str; 8] = [
    "surface",
    "spot:int32",
    "score:double",
    "fresh:boolean",
    "seen_at:timestamp",
    "item.is_click:boolean",
    "item.place:int64",
    "item.tag:string",
];

/// The plainest way to write a source.
pub(crate) const PLAIN: Style = Style {
    format: Format::Parquet,
    times: TimeStyle::Instant,
    files: 1,
    row_group: 1000,
    narrow: false,
    null: None,
    depth: Depth::Flat,
};

/// The settings that say what rules say of every history; `sources` are those of actions, in the order of the
/// rules.
pub(crate) fn settings_of(rules: &Rules, sources: impl Iterator<Item = Source>) -> Settings {
    let embargo = sources.zip(rules.embargo_us.clone());
    let embargo = embargo.filter_map(|(source, us)| Some((source, us?)));
    Settings {
        ask: Sequences {
            cutoff: if rules.cutoff_is_time {
                Cutoff::Time
            } else {
                Cutoff::Day
            },
            lookback_days: rules.lookback_days,
            lookback_years: rules.lookback_years,
            embargo_us: embargo.collect(),
            types: rules.types.clone(),
            actions_max: Some(u32::try_from(rules.actions_max).expect("small")),
            guests: if rules.guests_are_rows {
                Guests::Empty
            } else {
                Guests::Drop
            },
            ..Sequences::default()
        }
        .into(),
        dedup: match rules.repeats {
            RepeatRule::Kept => Dedup::None,
            RepeatRule::Exact => Dedup::Exact,
            RepeatRule::Consecutive => Dedup::Consecutive,
        },
        timezone: Some(rules.timezone.clone()),
        allow_unused: true,
        ..Settings::default()
    }
}

impl Case {
    /// A case with SPEC's defaults.
    pub(crate) fn new(shown: Vec<LogImpression>, log: Vec<LogAction>) -> Case {
        let rules = Rules {
            cutoff_is_time: false,
            lookback_days: Some(365),
            lookback_years: None,
            embargo_us: vec![None; 3],
            types: vec![],
            repeats: RepeatRule::Kept,
            computed: vec![],
            actions_max: 1000,
            timezone: "UTC".into(),
            guests_are_rows: false,
            drop_null_labels: false,
            negatives: None,
        };
        Case {
            rules,
            shown,
            log,
            styles: [PLAIN; 4],
            text_ids: false,
            available: false,
            declared: Vec::new(),
            keep: false,
            tell: 0,
            items: Items::Ids,
            shapes: None,
            given: (Vec::new(), false),
            lay: None,
        }
    }

    /// The items of the vocabulary that must come out, in the order of their codes.
    pub(crate) fn vocabulary(&self) -> Vec<i64> {
        let (given, drops) = &self.given;
        let mut items = given.clone();
        if !drops {
            let sound = self.sound();
            let held = items_held(&self.rules, &sound.shown, &sound.log);
            let mut new: Vec<i64> = held
                .into_iter()
                .filter(|item| !given.contains(item))
                .collect();
            new.sort_by_key(|item| item_text(self.items, *item));
            items.extend(new);
        }
        items
    }

    /// The same case with codes for items, of which what has none does not count, and without rows that
    /// are at fault.
    pub(crate) fn coded(&self) -> Case {
        let mut case = self.sound();
        if self.items == Items::Ids {
            return case;
        }
        let items = self.vocabulary();
        let code = |item: i64| {
            let place = items.iter().position(|own| *own == item);
            place.map_or(0, |place| i64::try_from(place).expect("small") + 1)
        };
        for (item, _) in case
            .shown
            .iter_mut()
            .flat_map(|impression| &mut impression.items)
        {
            *item = code(*item);
        }
        case.log
            .iter_mut()
            .for_each(|action| action.item = code(action.item));
        case.items = Items::Ids;
        case
    }

    /// Where codes come from, if items have some.
    fn item_vocabulary(&self, dir: &Path) -> Option<ItemVocabulary> {
        match (self.items, &self.given.0[..]) {
            (Items::Ids, _) => None,
            (_, []) => Some(ItemVocabulary::Build),
            _ => Some(ItemVocabulary::File(Case::given_path(dir))),
        }
    }

    /// Where the given vocabulary lies, beside the folder of the logs.
    fn given_path(dir: &Path) -> PathBuf {
        dir.with_file_name("codes.parquet")
    }

    /// Writes the given vocabulary, the last code first.
    fn write_given(&self, dir: &Path) {
        let items = self.given.0.iter().rev();
        let texts = items.clone().map(|item| Some(item_text(self.items, *item)));
        let codes = (1..=self.given.0.len()).rev();
        let codes = codes.map(|code| Some(i64::try_from(code).expect("small")));
        let columns = [
            ("item", Column::Texts(texts.collect())),
            ("code", Column::Ints(codes.collect())),
        ];
        // Codes are of a width of their own, and signed.
        let style = Style {
            row_group: 3,
            narrow: self.keep,
            ..PLAIN
        };
        let bytes = to_parquet(&columns, 0..self.given.0.len(), style);
        fs::write(Case::given_path(dir), bytes).expect("a file");
    }

    /// A column of items.
    pub(crate) fn items_column(&self, items: Vec<Option<i64>>) -> Column {
        match self.items {
            Items::Texts => {
                let text = |item: i64| item_text(self.items, item);
                Column::Texts(items.into_iter().map(|item| item.map(text)).collect())
            }
            // Where items choose rows, they are compared as they are written.
            Items::Ids if self.lay.as_ref().is_some_and(|lay| lay.moments.is_some()) => {
                Column::Ints(items)
            }
            Items::Ids => Column::Ids(items),
            Items::Decimals => Column::Ints(items),
        }
    }

    /// The settings that say the same as the rules.
    pub(crate) fn settings(&self, dir: &Path, out: &Path) -> Settings {
        let rules = &self.rules;
        let actions = self.actions();
        let sources = || actions.iter().map(|log| log.source);
        let settings = settings_of(rules, sources());
        let available = sources().filter(|_| self.available);
        let epoch = self
            .styles
            .iter()
            .any(|style| style.times == TimeStyle::Epoch);
        let mut settings = Settings {
            ask: Sequences {
                available: available
                    .map(|source| (source, "known_at".to_owned()))
                    .collect(),
                null_label: if rules.drop_null_labels {
                    NullLabel::Drop
                } else {
                    NullLabel::Keep
                },
                attributes: self.attributes(),
                keep: self.passthrough(),
                negatives_rate: rules.negatives.map(|(rate, _)| rate),
                seed: rules.negatives.map_or(0, |(_, seed)| seed),
                item_vocabulary: self.item_vocabulary(dir),
                unknown_item: if self.given.1 {
                    UnknownItem::Drop
                } else {
                    UnknownItem::Index
                },
                actions: actions.clone(),
                ..settings.sequences().clone()
            }
            .into(),
            dir: Some(dir.to_owned()),
            out: out.to_owned(),
            time_unit: epoch.then_some(hitherto::TimeUnit::Micro),
            null_values: null_values(&self.styles),
            customer_type: self.text_ids.then_some(hitherto::CustomerType::String),
            source_settings: self
                .shapes
                .iter()
                .map(|shapes| (Source::Impressions, shapes.settings()))
                .collect(),
            columns: actions
                .iter()
                .filter(|log| has_time_else(log))
                .map(|log| (log.source, "time_else".into(), "late_time".into()))
                .collect(),
            threads: 1,
            ..settings
        };
        let sources = std::iter::once(Source::Impressions).chain(sources());
        for (source, style) in sources.zip(&self.styles) {
            style.depth.tell(source, &mut settings);
        }
        self.set_lay(&mut settings, &actions);
        settings
    }

    /// The setting of passthrough columns.
    fn passthrough(&self) -> Vec<Passthrough> {
        let kept = KEEP.iter().filter(|_| self.keep);
        kept.map(|text| Passthrough::parse(text).expect("a column"))
            .collect()
    }

    /// The attributes: the first column, then the time delta, then the other columns.
    fn attributes(&self) -> Vec<Attribute> {
        let mut attributes: Vec<Attribute> = TELL[..self.tell]
            .iter()
            .map(|column| side(column))
            .collect();
        // Columns of 32 bits in Parquet need no type in the settings.
        if self.styles[1..]
            .iter()
            .all(|style| has_types(style.format) && style.narrow)
        {
            attributes = TELL[..self.tell]
                .iter()
                .map(|column| side(column.split(':').next().expect("a name")))
                .collect();
        }
        if self.rules.computed.contains(&ComputedAttribute::TimeDelta) {
            attributes.insert(attributes.len().min(1), Attribute::TimeDelta);
        }
        if self.rules.computed.contains(&ComputedAttribute::Time) {
            attributes.push(Attribute::Time);
        }
        attributes
    }

    /// What must come out, sorted.
    pub(crate) fn expected(&self) -> Vec<Sample> {
        let case = self.coded();
        let mut samples = sequences(&case.rules, &case.shown, &case.log);
        samples.sort();
        samples
    }

    /// Writes the logs into a folder.
    pub(crate) fn write(&self, dir: &Path) {
        let [style, ..] = self.styles;
        if !self.given.0.is_empty() {
            fs::create_dir_all(dir).expect("a folder");
            self.write_given(dir);
        }
        self.write_impressions(dir, style);
        for (log, (own, style)) in self.actions().iter().zip(&self.styles[1..]).enumerate() {
            let folder = dir.join(own.source.folder());
            fs::create_dir_all(&folder).expect("a folder");
            let of_source = self.log.iter().filter(|row| match self.declared[..] {
                [] => usize::from(row.kind) == log + 1,
                _ => row.log == log,
            });
            let mut rows: Vec<Option<&LogAction>> = of_source.map(Some).collect();
            if has_others(own) {
                // After each a row that does not count, whatever it holds.
                rows = rows.into_iter().flat_map(|row| [row, None]).collect();
            }
            let columns = self.action_columns(own, &rows, *style);
            write_rows(&folder, &columns, rows.len(), *style);
        }
    }

    /// Writes the impressions, unless these are actions.
    fn write_impressions(&self, dir: &Path, style: Style) {
        if self.lay.as_ref().is_some_and(|lay| lay.moments.is_some()) {
            return;
        }
        let folder = dir.join(Source::Impressions.folder());
        fs::create_dir_all(&folder).expect("a folder");
        if let Some(lay) = self.lay.as_ref().filter(|lay| lay.is_flat) {
            let (columns, rows) = self.flat_columns(lay, style);
            return write_rows(&folder, &columns, rows, style);
        }
        let written = Case {
            shown: self.written_labels(),
            ..self.clone()
        };
        let mut columns = written.impression_columns(style);
        without_ranking(self.lay.as_ref(), &mut columns);
        match self.shapes {
            None => write_rows(&folder, &columns, self.shown.len(), style),
            Some(shapes) => {
                for (file, range) in ranges(self.shown.len(), style) {
                    let columns = self.reshaped(&columns, shapes, (file, range.clone()), style);
                    write_file(&folder, (file, 0..range.len()), &columns, style);
                }
            }
        }
    }

    /// The sources of actions.
    fn actions(&self) -> Vec<ActionSource> {
        match self.declared[..] {
            [] => ActionSource::defaults(),
            _ => self.declared.clone(),
        }
    }

    /// The columns of one file of impressions, with items in another shape.
    fn reshaped(
        &self,
        columns: &[(&'static str, Column)],
        shapes: Shapes,
        (file, range): (usize, std::ops::Range<usize>),
        style: Style,
    ) -> Vec<(&'static str, Column)> {
        let lists = self.shown[range.clone()].iter();
        let lists: Vec<_> = lists.map(|row| row.items.clone()).collect();
        let shape = shapes.of_file(file, &lists, style);
        let others = columns.iter().filter(|(name, _)| *name != "impressions");
        let others = others.map(|(name, column)| (*name, column.slice(range.clone())));
        let mut columns: Vec<_> = others.collect();
        columns.extend(shapes.columns(shape, &lists, self.items, style.null));
        columns
    }

    /// The columns of the impressions.
    pub(crate) fn impression_columns(&self, style: Style) -> Vec<(&'static str, Column)> {
        let customers = self.shown.iter().map(|row| row.customer.clone()).collect();
        let days = self
            .shown
            .iter()
            .map(|row| Some(LogTime::Date(row.day)))
            .collect();
        let rankings = self
            .shown
            .iter()
            .map(|row| Some(row.ranking.clone()))
            .collect();
        let lists = self.shown.iter().map(|row| row.items.clone()).collect();
        let mut columns = vec![
            ("dt", Column::Times(days, TimeStyle::Date)),
            ("ranking_id", Column::Texts(rankings)),
            ("customer_id", self.customers(customers)),
        ];
        if self.keep {
            let kept = self
                .shown
                .iter()
                .map(|row| row.item_passthrough.clone())
                .collect();
            columns.push(("impressions", Column::KeptLists(lists, kept, self.items)));
            columns.extend(self.kept_columns());
        } else {
            columns.push(("impressions", Column::Lists(lists, self.items)));
        }
        if self.rules.cutoff_is_time {
            let times = self.shown.iter().map(|row| row.time).collect();
            columns.push(("impression_time", Column::Times(times, style.times)));
        }
        columns
    }

    /// The passthrough columns of impressions.
    fn kept_columns(&self) -> [(&'static str, Column); 5] {
        let texts = |at: usize| {
            self.shown
                .iter()
                .map(move |row| row.passthrough[at].clone())
        };
        let spots = texts(1).map(|text| text.map(|text| text.parse().expect("an integer")));
        let scores = texts(2).map(|text| text.map(|text| text.parse().expect("a number")));
        let fresh = texts(3).map(|text| text.map(|text| text == "true"));
        let times = texts(4).map(|text| Some(LogTime::Instant(text?.parse().expect("a time"))));
        [
            ("surface", Column::Texts(texts(0).collect())),
            ("spot", Column::Narrow(spots.collect())),
            ("score", Column::Floats(scores.collect())),
            ("fresh", Column::Bools(fresh.collect())),
            (
                "seen_at",
                Column::Times(times.collect(), TimeStyle::Instant),
            ),
        ]
    }

    /// The columns of a source of actions.
    fn action_columns(
        &self,
        own: &ActionSource,
        rows: &[Option<&LogAction>],
        style: Style,
    ) -> Vec<(&'static str, Column)> {
        let source = own.source;
        // What does not count has an item that is none, and no time.
        let somebody = || Some("1".to_owned());
        let customers = rows
            .iter()
            .map(|row| row.map_or_else(somebody, |row| row.customer.clone()));
        let customers = customers.collect();
        let items = rows
            .iter()
            .map(|row| row.map_or(Some(0), |row| Some(row.item)))
            .collect();
        let times: Vec<Option<LogTime>> = rows.iter().map(|row| Some((*row)?.time)).collect();
        let (item, time) = match source {
            Source::Clicks => ("item_id", "click_time"),
            Source::Carts => ("config_id", "occurred_at"),
            other if other.is_declared() => (
                "item_id",
                if has_time_else(own) {
                    "late_time"
                } else {
                    "time"
                },
            ),
            _ => ("config_id", "order_date"),
        };
        let mut columns = vec![
            ("customer_id", self.customers(customers)),
            (item, self.items_column(items)),
        ];
        let exact_name = match source {
            Source::Orders => "occurred_at",
            _ => "time",
        };
        let has_two = source == Source::Orders || has_time_else(own);
        if has_two && style.times != TimeStyle::Date {
            // Orders have two columns of time; the exact one is null where only a day is known.
            let is_date = |time: &Option<LogTime>| matches!(time, Some(LogTime::Date(_)));
            let exact = times
                .iter()
                .map(|time| if is_date(time) { None } else { *time })
                .collect();
            columns.push((exact_name, Column::Times(exact, style.times)));
            let dates = times
                .iter()
                .map(|time| if is_date(time) { *time } else { None })
                .collect();
            columns.push((time, Column::Times(dates, TimeStyle::Date)));
        } else {
            columns.push((time, Column::Times(times, style.times)));
        }
        if self.available {
            let known = rows.iter().map(|row| (*row)?.available.flatten()).collect();
            columns.push(("known_at", Column::Times(known, style.times)));
        }
        columns.extend(choosing_columns(own, rows));
        let has_prices = self.actions().last() != Some(own);
        let numbers = |at: usize| {
            let rows = rows.iter();
            rows.map(move |row| row.map(|row| row.attributes[at]))
        };
        for (at, name) in TELL[..self.tell].iter().enumerate() {
            let name = name.split(':').next().expect("a name");
            if at == 0 && !has_prices {
                let null = Number::float(f32::NAN);
                assert!(numbers(at).flatten().all(|number| number == null));
                continue;
            }
            columns.push((name, attribute_column(numbers(at), at == 1, style)));
        }
        columns
    }

    /// Customers as the case has them.
    fn customers(&self, customers: Vec<Option<String>>) -> Column {
        if self.text_ids {
            return Column::Texts(customers);
        }
        let parse = |id: String| id.parse().expect("an integer");
        Column::Ids(customers.into_iter().map(|id| id.map(parse)).collect())
    }
}

/// An attribute, parsed.
pub(crate) fn side(text: &str) -> Attribute {
    Attribute::parse(text).expect("a side")
}

/// An attribute column, of integers or of floats: NaN is a null, and so is every other integer 0.
fn attribute_column(
    numbers: impl Iterator<Item = Option<Number>> + Clone,
    is_int: bool,
    style: Style,
) -> Column {
    let ints = numbers
        .clone()
        .enumerate()
        .map(|(at, number)| match number? {
            Number::Int(0) if at % 2 == 0 => None,
            Number::Int(number) => Some(number),
            Number::Float(_) => None,
        });
    let floats = numbers.map(|number| match number? {
        Number::Float(bits) => Some(f32::from_bits(bits)).filter(|number| !number.is_nan()),
        Number::Int(_) => None,
    });
    match (is_int, style.narrow) {
        (true, true) => Column::Narrow(ints.collect()),
        (true, false) => Column::Ints(ints.map(|number| number.map(i64::from)).collect()),
        (false, true) => Column::Singles(floats.collect()),
        (false, false) => Column::Floats(floats.map(|number| number.map(f64::from)).collect()),
    }
}

/// Whether a source also has rows that do not count.
fn has_others(log: &ActionSource) -> bool {
    let other = match &log.types {
        Types::Column { other, .. } => *other,
        Types::Constant(_) => OtherTypes::Error,
    };
    !log.only.is_empty() || other == OtherTypes::Drop
}

/// Whether a source has two columns of time: a declared one whose rows are chosen.
fn has_time_else(log: &ActionSource) -> bool {
    log.source.is_declared() && !log.only.is_empty()
}

/// The columns of types, and those that choose rows.
fn choosing_columns(
    log: &ActionSource,
    rows: &[Option<&LogAction>],
) -> Vec<(&'static str, Column)> {
    let mut columns = Vec::new();
    if let Types::Column { codes, .. } = &log.types {
        let value = |row: &LogAction| {
            let code = codes.iter().find(|(_, code)| *code == row.kind);
            code.expect("a type of the source").0.clone()
        };
        let words = rows
            .iter()
            .map(|row| row.map_or(Some("none".to_owned()), |row| Some(value(row))));
        let words: Vec<Option<String>> = words.collect();
        let is_int = words.iter().flatten().all(|word| word == "1");
        let ints = words.iter().map(|_| Some(1)).collect();
        columns.push((
            "type",
            if is_int {
                Column::Ints(ints)
            } else {
                Column::Texts(words)
            },
        ));
    }
    for (column, values) in &log.only {
        let word = |(at, row): (usize, &Option<&LogAction>)| match row {
            Some(_) => Some(values[at / 2 % values.len()].clone()),
            None => [None, Some("at".to_owned())][at / 2 % 2].clone(),
        };
        let words = rows.iter().enumerate().map(word).collect();
        let name = if column == "shop" { "shop" } else { "type" };
        columns.push((name, Column::Texts(words)));
    }
    columns
}

/// The values of a column.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// Integers.
    Ints(Vec<Option<i64>>),
    /// Integers that are ids, written as integers and otherwise.
    Ids(Vec<Option<i64>>),
    /// Texts.
    Texts(Vec<Option<String>>),
    /// Numbers.
    Floats(Vec<Option<f64>>),
    /// Numbers of 32 bits.
    Singles(Vec<Option<f32>>),
    /// Times, written in a style.
    Times(Vec<Option<LogTime>>, TimeStyle),
    /// Shown items with labels.
    Lists(Vec<Vec<(i64, Option<bool>)>>, Items),
    /// The same, with passthrough columns of each item.
    KeptLists(
        Vec<Vec<(i64, Option<bool>)>>,
        Vec<Vec<Vec<Option<String>>>>,
        Items,
    ),
    /// Shown items with labels, as maps.
    Maps(Vec<Vec<(i64, Option<bool>)>>, Items),
    /// Shown items.
    IdLists(Vec<Vec<i64>>, Items),
    /// Labels.
    LabelLists(Vec<Vec<Option<bool>>>),
    /// Texts.
    TextLists(Vec<Vec<String>>),
    /// Integers of 32 bits.
    Narrow(Vec<Option<i32>>),
    /// Integers of 64 bits, whatever the style.
    Wide(Vec<Option<i64>>),
    /// Truth values.
    Bools(Vec<Option<bool>>),
}

impl Column {
    /// Whether all of some rows are null, in a column that is carried through.
    fn is_null_in(&self, rows: std::ops::Range<usize>) -> bool {
        match self {
            Column::Texts(values) => values[rows].iter().all(Option::is_none),
            Column::Narrow(values) => values[rows].iter().all(Option::is_none),
            Column::Floats(values) => values[rows].iter().all(Option::is_none),
            Column::Bools(values) => values[rows].iter().all(Option::is_none),
            Column::Wide(values) => values[rows].iter().all(Option::is_none),
            other => panic!("{other:?} is not carried through"),
        }
    }

    /// The values of some rows, if it is one that impressions have.
    fn slice(&self, rows: std::ops::Range<usize>) -> Column {
        match self {
            Column::Ints(values) => Column::Ints(values[rows].to_vec()),
            Column::Ids(values) => Column::Ids(values[rows].to_vec()),
            Column::Texts(values) => Column::Texts(values[rows].to_vec()),
            Column::Times(values, style) => Column::Times(values[rows].to_vec(), *style),
            other => panic!("{other:?} is in no file that has other shapes"),
        }
    }
}

/// Writes rows into one or several files of a folder.
pub(crate) fn write_rows(folder: &Path, columns: &[(&str, Column)], rows: usize, style: Style) {
    let last = ranges(rows, style).count() - 1;
    for (file, range) in ranges(rows, style) {
        // A file may lack a column that is carried through, if another has it.
        let may_lack = file < last && style.row_group.is_multiple_of(2);
        let is_there = |name: &str, column: &Column| {
            !(may_lack && CARRIED.contains(&name) && column.is_null_in(range.clone()))
        };
        let columns = columns
            .iter()
            .filter(|(name, column)| is_there(name, column));
        let columns: Vec<_> = columns
            .map(|(name, column)| (*name, column.clone()))
            .collect();
        write_file(folder, (file, range), &columns, style);
    }
}

/// Columns of impressions, and of rows that are one item, that are carried through.
const CARRIED: [&str; 7] = [
    "surface", "spot", "score", "fresh", "is_click", "place", "tag",
];

/// The files that rows are spread over, with the rows of each.
fn ranges(rows: usize, style: Style) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let per_file = rows.div_ceil(style.files).max(1);
    let range = move |file: usize| (file * per_file).min(rows)..((file + 1) * per_file).min(rows);
    (0..rows.div_ceil(per_file).max(1)).map(move |file| (file, range(file)))
}

/// Writes some rows into a file of a folder.
fn write_file(
    folder: &Path,
    (file, range): (usize, std::ops::Range<usize>),
    columns: &[(&str, Column)],
    style: Style,
) {
    let (name, bytes) = match style.format {
        Format::Parquet => ("parquet", to_parquet(columns, range, style)),
        Format::Arrow => to_arrow(&to_batch(columns, range, style), style.row_group),
        Format::Csv => ("csv", to_csv(columns, range, style).into_bytes()),
        Format::Ndjson => {
            let rows = to_json(columns, range, style).join("\n");
            ("ndjson", rows.into_bytes())
        }
        Format::Json if style.row_group.is_multiple_of(3) => {
            let rows = to_json(columns, range, style);
            let rows = rows.iter().map(|row| format!("{{\n  {}", &row[1..]));
            ("json", rows.collect::<Vec<_>>().join("\n").into_bytes())
        }
        Format::Json => {
            let rows = to_json(columns, range, style).join(",\n  ");
            ("json", format!("[\n  {rows}\n]\n").into_bytes())
        }
    };
    fs::write(folder.join(format!("part-{file}.{name}")), bytes).expect("a file");
}

/// Rows as CSV.
fn to_csv(columns: &[(&str, Column)], rows: std::ops::Range<usize>, style: Style) -> String {
    let null = style.null;
    if style.depth == Depth::Listed {
        return listed_csv(&members_of(columns, rows, style));
    }
    let names = columns.iter().map(|(name, _)| style.depth.name(name));
    let names: Vec<String> = names.collect();
    let mut text = names.join(",") + "\n";
    for row in rows {
        let field = |column: &Column| match column {
            Column::Lists(..)
            | Column::KeptLists(..)
            | Column::Maps(..)
            | Column::IdLists(..)
            | Column::LabelLists(_)
            | Column::TextLists(_) => {
                let list = json_with(column, row, null);
                format!("\"{}\"", list.replace('"', "\"\""))
            }
            _ => match json_of(column, row).trim_matches('"') {
                "null" => null.unwrap_or_default().to_owned(),
                text if text.contains(',') => format!("\"{text}\""),
                text => text.to_owned(),
            },
        };
        let fields: Vec<String> = columns.iter().map(|(_, column)| field(column)).collect();
        text += &(fields.join(",") + "\n");
    }
    text
}

/// Rows as JSON objects.
fn to_json(columns: &[(&str, Column)], rows: std::ops::Range<usize>, style: Style) -> Vec<String> {
    style.depth.objects(&members_of(columns, rows, style))
}

/// The members of rows, with their values as JSON.
fn members_of<'c>(
    columns: &[(&'c str, Column)],
    rows: std::ops::Range<usize>,
    style: Style,
) -> Vec<Vec<(&'c str, String)>> {
    let members = |row: usize| {
        let members = columns.iter();
        members.map(move |(name, column)| (*name, json_with(column, row, style.null)))
    };
    rows.map(|row| members(row).collect()).collect()
}

/// A value as JSON, with a word for each null in it, if one stands for them.
fn json_with(column: &Column, row: usize, null: Option<&str>) -> String {
    let json = json_of(column, row);
    match (null, column) {
        (None, _) => json,
        (Some(word), Column::Lists(..) | Column::KeptLists(..) | Column::Maps(..)) => {
            json.replace(": null", &format!(": \"{word}\""))
        }
        (Some(word), Column::LabelLists(_)) => json.replace("null", &format!("\"{word}\"")),
        (Some(word), _) if json == "null" => format!("\"{word}\""),
        _ => json,
    }
}

/// A value as JSON.
fn json_of(column: &Column, row: usize) -> String {
    let null = || "null".to_owned();
    match column {
        Column::Ints(values) => values[row].map_or_else(null, |value| value.to_string()),
        Column::Ids(values) => values[row].map_or_else(null, |id| json_of_id(id, row)),
        Column::Floats(values) => values[row].map_or_else(null, |value| value.to_string()),
        Column::Singles(values) => values[row].map_or_else(null, |value| value.to_string()),
        Column::Texts(values) => values[row]
            .as_ref()
            .map_or_else(null, |text| format!("\"{text}\"")),
        Column::Times(values, TimeStyle::Epoch) => match values[row] {
            Some(LogTime::Instant(at)) if row % 3 == 1 => format!("\"{at}\""),
            Some(LogTime::Instant(at)) if row % 3 == 2 && at >= 0 => format!("{at}.50"),
            Some(LogTime::Instant(at)) => at.to_string(),
            None => null(),
            other => panic!("{other:?} is no instant"),
        },
        Column::Times(values, _) => {
            values[row].map_or_else(null, |time| format!("\"{}\"", text_of_time(time)))
        }
        Column::Narrow(values) => values[row].map_or_else(null, |value| value.to_string()),
        Column::Wide(values) => values[row].map_or_else(null, |value| value.to_string()),
        Column::Bools(values) => values[row].map_or_else(null, |value| value.to_string()),
        Column::Lists(values, items) => json_of_items(&values[row], &[], *items),
        Column::KeptLists(values, kept, items) => json_of_items(&values[row], &kept[row], *items),
        Column::Maps(values, items) => {
            let pair = |(item, label): &(i64, Option<bool>)| {
                let label = label.map_or_else(null, |label| json_of_label(label, row));
                format!("\"{}\": {label}", item_text(*items, *item))
            };
            let pairs: Vec<String> = values[row].iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Column::IdLists(values, items) => {
            let id = |item: &i64| match items {
                Items::Texts => format!("\"{}\"", item_text(*items, *item)),
                Items::Ids => json_of_id(*item, row),
                Items::Decimals => item.to_string(),
            };
            let ids: Vec<String> = values[row].iter().map(id).collect();
            format!("[{}]", ids.join(", "))
        }
        Column::LabelLists(values) => {
            let labels = values[row].iter();
            let labels =
                labels.map(|label| label.map_or_else(null, |label| json_of_label(label, row)));
            format!("[{}]", labels.collect::<Vec<_>>().join(", "))
        }
        Column::TextLists(values) => {
            let texts = values[row].iter().map(|text| format!("\"{text}\""));
            format!("[{}]", texts.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Shown items as JSON.
fn json_of_items(
    items: &[(i64, Option<bool>)],
    kept: &[Vec<Option<String>>],
    ids: Items,
) -> String {
    let null = || "null".to_owned();
    let mut text = String::new();
    for (at, (item, label)) in items.iter().enumerate() {
        let nth = at + usize::try_from(item.unsigned_abs() % 64).expect("small");
        let label = label.map_or_else(null, |label| json_of_label(label, nth));
        let comma = if text.is_empty() { "" } else { ", " };
        let item = match ids {
            Items::Texts => format!("\"{}\"", item_text(ids, *item)),
            Items::Ids => json_of_id(*item, nth),
            Items::Decimals => item.to_string(),
        };
        write!(text, "{comma}{{\"item_id\": {item}, \"is_order\": {label}").expect("text");
        if let Some([click, place, tag]) = kept.get(at).map(|values| &values[..]) {
            let [click, place] = [click, place].map(|value| value.clone().unwrap_or_else(null));
            write!(text, ", \"is_click\": {click}, \"place\": {place}").expect("text");
            // A key that is not there is a null as well.
            if let Some(tag) = tag {
                write!(text, ", \"tag\": \"{tag}\"").expect("text");
            } else if at == 0 {
                write!(text, ", \"tag\": null").expect("text");
            }
        }
        text += "}";
    }
    format!("[{text}]")
}

/// A time as text, in one of the forms of SPEC.
pub(crate) fn text_of(time: LogTime) -> String {
    let epoch = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let wall = |us| {
        epoch
            .checked_add(jiff::Span::new().microseconds(us))
            .expect("a calendar")
    };
    match time {
        LogTime::Wall(us) if us % 2 == 0 => wall(us).to_string(),
        LogTime::Wall(us) => wall(us).to_string().replace('T', " "),
        // Half of all instants are written east of Greenwich.
        LogTime::Instant(us) if us / 1_000_000 % 2 == 0 => format!("{}Z", wall(us)),
        LogTime::Instant(us) => format!("{}+05:30", wall(us + 19_800_000_000)),
        LogTime::Date(day) => wall(i64::from(day) * 86_400_000_000).date().to_string(),
    }
}

/// Rows as a Parquet file.
fn to_parquet(columns: &[(&str, Column)], rows: std::ops::Range<usize>, style: Style) -> Vec<u8> {
    let batch = to_batch(columns, rows, style);
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(style.row_group))
        .build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("a batch");
    writer.close().expect("a file");
    bytes
}

/// Rows as a batch.
fn to_batch(columns: &[(&str, Column)], rows: std::ops::Range<usize>, style: Style) -> RecordBatch {
    let arrays = columns
        .iter()
        .map(|(name, column)| (*name, array_of(column, rows.clone(), style), true));
    let batch = RecordBatch::try_from_iter_with_nullable(arrays);
    style.depth.batch(&batch.expect("columns of one length"))
}

/// A column as an Arrow array.
pub(crate) fn array_of(column: &Column, rows: std::ops::Range<usize>, style: Style) -> ArrayRef {
    match column {
        Column::Ids(values) => {
            let ids = column_of_ids(&values[rows.clone()], style.row_group);
            ids.unwrap_or_else(|| array_of(&Column::Ints(values.clone()), rows, style))
        }
        Column::Ints(values)
            if style.narrow
                && values
                    .iter()
                    .flatten()
                    .all(|int| i32::try_from(*int).is_ok()) =>
        {
            let narrow =
                |value: &Option<i64>| value.map(|value| i32::try_from(value).expect("narrow"));
            Arc::new(values[rows].iter().map(narrow).collect::<Int32Array>())
        }
        Column::Ints(values)
            if values[rows.clone()]
                .iter()
                .flatten()
                .all(|value| *value > 0)
                && style.row_group.is_multiple_of(2) =>
        {
            let unsigned = |value: &Option<i64>| value.map(|value| value.cast_unsigned());
            Arc::new(values[rows].iter().map(unsigned).collect::<UInt64Array>())
        }
        Column::Ints(values) => Arc::new(values[rows].iter().copied().collect::<Int64Array>()),
        Column::Texts(values) => {
            let texts = values[rows]
                .iter()
                .map(|text| text.as_deref().or(style.null));
            Arc::new(texts.collect::<StringArray>())
        }
        Column::Floats(values) => Arc::new(values[rows].iter().copied().collect::<Float64Array>()),
        Column::Singles(values) => Arc::new(values[rows].iter().copied().collect::<Float32Array>()),
        Column::Times(values, times) => times_of(&values[rows], *times, style.null),
        Column::Lists(values, items) => lists_of(&values[rows], &[], *items, style),
        Column::KeptLists(values, kept, items) => {
            lists_of(&values[rows.clone()], &kept[rows], *items, style)
        }
        Column::Maps(values, items) => maps_of(&values[rows], *items, style),
        Column::IdLists(values, items) => id_lists(&values[rows], *items, style),
        Column::LabelLists(values) => label_lists(&values[rows], style),
        Column::TextLists(values) => text_lists(&values[rows], style),
        Column::Narrow(values) => Arc::new(values[rows].iter().copied().collect::<Int32Array>()),
        Column::Wide(values) => Arc::new(values[rows].iter().copied().collect::<Int64Array>()),
        Column::Bools(values) => Arc::new(values[rows].iter().copied().collect::<BooleanArray>()),
    }
}

/// Times as an Arrow array.
fn times_of(values: &[Option<LogTime>], style: TimeStyle, null: Option<&str>) -> ArrayRef {
    let number = |time: &Option<LogTime>| {
        time.map(|time| match (time, style) {
            (LogTime::Instant(at), TimeStyle::Instant | TimeStyle::Epoch) => at,
            (LogTime::Wall(at), TimeStyle::Wall) => at,
            other => panic!("{other:?} do not go together"),
        })
    };
    let date = |time: &Option<LogTime>| {
        time.map(|time| match time {
            LogTime::Date(day) => day,
            other => panic!("{other:?} is no date"),
        })
    };
    match style {
        TimeStyle::Text => Arc::new(
            values
                .iter()
                .map(|time| time.map(text_of_time).or_else(|| null.map(str::to_owned)))
                .collect::<StringArray>(),
        ),
        TimeStyle::Date => Arc::new(values.iter().map(date).collect::<Date32Array>()),
        TimeStyle::Epoch => {
            let ints: Vec<Option<i64>> = values.iter().map(number).collect();
            // Floats of 32 bits are too coarse for times.
            let variant = [0, 1, 3, 4][values.len() % 4];
            let numbers = column_of_ids(&ints, variant);
            numbers.unwrap_or_else(|| Arc::new(ints.into_iter().collect::<Int64Array>()))
        }
        TimeStyle::Wall => Arc::new(
            values
                .iter()
                .map(number)
                .collect::<TimestampMicrosecondArray>(),
        ),
        TimeStyle::Instant => {
            let times = values
                .iter()
                .map(number)
                .collect::<TimestampMicrosecondArray>();
            Arc::new(times.with_timezone("UTC"))
        }
    }
}

/// Shown items as an Arrow array.
fn lists_of(
    values: &[Vec<(i64, Option<bool>)>],
    kept: &[Vec<Vec<Option<String>>>],
    ids: Items,
    style: Style,
) -> ArrayRef {
    let items = values.iter().flatten().map(|(item, _)| *item);
    let column = match ids {
        Items::Texts => Column::Texts(items.map(|item| Some(item_text(ids, item))).collect()),
        Items::Ids => Column::Ids(items.map(Some).collect()),
        Items::Decimals => Column::Ints(items.map(Some).collect()),
    };
    let items = array_of(&column, 0..values.iter().map(Vec::len).sum(), style);
    let labels: Vec<_> = values.iter().flatten().map(|(_, label)| *label).collect();
    let labels = column_of_labels(&labels, style.row_group / 2);
    let mut fields = vec![
        Arc::new(Field::new("item_id", items.data_type().clone(), true)),
        Arc::new(Field::new("is_order", labels.data_type().clone(), true)),
    ];
    let mut arrays: Vec<ArrayRef> = vec![items, labels];
    if !kept.is_empty() {
        let texts = |at: usize| {
            kept.iter()
                .flatten()
                .map(move |values| values[at].as_deref())
        };
        let clicks: BooleanArray = texts(0)
            .map(|value| value.map(|value| value == "true"))
            .collect();
        let places =
            texts(1).map(|value| value.map(|value| value.parse::<i64>().expect("an integer")));
        let places: Int64Array = places.collect();
        let tags: StringArray = texts(2).map(|value| value.or(style.null)).collect();
        for (name, array) in [
            ("is_click", Arc::new(clicks) as ArrayRef),
            ("place", Arc::new(places)),
            ("tag", Arc::new(tags)),
        ] {
            fields.push(Arc::new(Field::new(name, array.data_type().clone(), true)));
            arrays.push(array);
        }
    }
    let elements = StructArray::new(fields.into(), arrays, None);
    let offsets = OffsetBuffer::from_lengths(values.iter().map(Vec::len));
    let element = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    Arc::new(ListArray::new(element, offsets, Arc::new(elements), None))
}

/// Runs a job and gives what it made.
pub(crate) fn run(settings: Settings) -> hitherto::Result<Report> {
    hitherto::run(&Job::new(settings)?, &RunContext::default())
}

/// All parts of an output, in order: day, path, bytes.
pub(crate) fn parts(out: &Path) -> Vec<(i32, PathBuf)> {
    parts_by(out, "dt=")
}

/// All parts of an output whose folders of days are called so, in order: day, path, bytes.
pub(crate) fn parts_by(out: &Path, prefix: &str) -> Vec<(i32, PathBuf)> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(out).expect("an output") {
        let folder = entry.expect("an entry").path();
        let name = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let Some(day) = name.strip_prefix(prefix) else {
            continue;
        };
        let day = hitherto::parse_day(day).expect("a day").0;
        for part in fs::read_dir(&folder).expect("a day") {
            let part = part.expect("an entry").path();
            if part.extension().is_some_and(|ending| ending == "parquet") {
                parts.push((day, part));
            }
        }
    }
    parts.sort();
    parts
}

/// The samples of an output, in its own order. Padding is checked here.
pub(crate) fn samples(out: &Path, settings: &Settings) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (day, path) in parts(out) {
        let file = File::open(&path).expect("a part");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .expect("a part")
            .build();
        let mut timeline = Vec::new();
        for batch in reader.expect("a part") {
            let batch = plain(&batch.expect("a batch"), settings, &mut timeline);
            add_samples(day, &batch, settings, &mut samples);
        }
    }
    samples
}

/// Adds the samples of a batch whose rows hold their histories.
fn add_samples(day: i32, batch: &RecordBatch, settings: &Settings, samples: &mut Vec<Sample>) {
    let column = |name: &str| column_of(batch, name);
    let time = |name: &str, row| {
        let times = column(name).as_primitive::<TimestampMicrosecondType>();
        times.is_valid(row).then(|| times.value(row))
    };
    for row in 0..batch.num_rows() {
        let customer = column("customer_id");
        let customer = customer.is_valid(row).then(|| match customer.data_type() {
            DataType::Utf8 => customer.as_string::<i32>().value(row).to_owned(),
            _ => customer.as_primitive::<Int64Type>().value(row).to_string(),
        });
        let history = history_of(batch, row, settings);
        let shown: Vec<(i32, i64, Option<bool>)> = match batch.column_by_name("position") {
            Some(positions) => {
                let position = positions.as_primitive::<Int32Type>().value(row);
                let item = wide(column("item_id"))[row];
                vec![(position, item, label_at(column("is_order"), row))]
            }
            None => {
                let items = wide(&column("items").as_list::<i32>().value(row));
                let labels = column("is_order").as_list::<i32>().value(row);
                let places = items.iter().enumerate();
                places
                    .map(|(at, item)| {
                        (
                            i32::try_from(at).expect("small"),
                            *item,
                            label_at(&labels, at),
                        )
                    })
                    .collect()
            }
        };
        assert_weights(batch, row, settings, &shown);
        for (at, (position, item, is_order)) in shown.into_iter().enumerate() {
            samples.push(Sample {
                passthrough: settings
                    .sequences()
                    .keep
                    .iter()
                    .map(|keep| kept_of(column(&keep.name), row, at))
                    .collect(),
                day,
                customer: customer.clone(),
                cutoff_us: time("cutoff", row).expect("not null"),
                ranking: column("ranking_id")
                    .as_string::<i32>()
                    .value(row)
                    .to_owned(),
                position,
                item,
                is_order,
                last_action_us: time("last_action_time", row),
                history: history.clone(),
                time_delta: time_delta_of(batch, row, settings),
                time: seconds_of(batch, row, settings),
                attributes: attributes_of(batch, row, settings),
            });
        }
    }
}

/// Checks the weights of a row: of negatives one over the rate, of all else one.
fn assert_weights(
    batch: &RecordBatch,
    row: usize,
    settings: &Settings,
    shown: &[(i32, i64, Option<bool>)],
) {
    let Some(rate) = settings.sequences().negatives_rate else {
        assert!(batch.column_by_name("weight").is_none());
        return;
    };
    let column = column_of(batch, "weight");
    let weights = match column.data_type() {
        DataType::Float32 => column.slice(row, 1),
        _ => column.as_list::<i32>().value(row),
    };
    let found: Vec<f64> = weights
        .as_primitive::<Float32Type>()
        .values()
        .iter()
        .map(|weight| f64::from(*weight))
        .collect();
    assert_eq!(found.len(), shown.len());
    for (found, (_, _, label)) in found.iter().zip(shown) {
        let expected = if *label == Some(false) {
            1.0 / rate
        } else {
            1.0
        };
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{found} for {label:?}"
        );
    }
}

/// A column of a batch.
fn column_of<'a>(batch: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    let column = batch.column_by_name(name);
    column.unwrap_or_else(|| panic!("no column {name}"))
}

/// Integers of either width.
fn wide(array: &ArrayRef) -> Vec<i64> {
    match array.data_type() {
        DataType::Int32 => array
            .as_primitive::<Int32Type>()
            .values()
            .iter()
            .map(|item| i64::from(*item))
            .collect(),
        _ => array.as_primitive::<Int64Type>().values().to_vec(),
    }
}

/// A label.
fn label_at(array: &ArrayRef, row: usize) -> Option<bool> {
    let labels = array.as_boolean();
    labels.is_valid(row).then(|| labels.value(row))
}

/// The history of a row, without its padding.
fn history_of(batch: &RecordBatch, row: usize, settings: &Settings) -> Vec<(i64, u8)> {
    let column = |name: &str| column_of(batch, name);
    let actions = wide(&column("actions").as_list::<i32>().value(row));
    let kinds = column("action_types").as_list::<i32>().value(row);
    let kinds = kinds.as_primitive::<Int8Type>().values();
    let length = column("history_length")
        .as_primitive::<Int32Type>()
        .value(row);
    let length = usize::try_from(length).expect("never negative");
    assert_eq!(actions.len(), stored(settings, length));
    assert_eq!(actions.len(), kinds.len());
    assert!(
        actions[length..].iter().all(|item| *item == 0)
            && kinds[length..].iter().all(|kind| *kind == 0)
    );
    let kind = |kind: &i8| u8::try_from(*kind).expect("never negative");
    actions[..length]
        .iter()
        .copied()
        .zip(kinds[..length].iter().map(kind))
        .collect()
}

/// The length of the lists of a history.
fn stored(settings: &Settings, length: usize) -> usize {
    let own = settings.sequences();
    match own.actions_max {
        Some(max) if own.pad && own.layout != Layout::Timeline => max.try_into().expect("small"),
        _ => length,
    }
}

/// The value of a passthrough column of a sample as text; the sample is the n-th of its row.
fn kept_of(column: &ArrayRef, row: usize, nth: usize) -> Option<String> {
    let (values, at) = match column.data_type() {
        DataType::List(_) => (column.as_list::<i32>().value(row), nth),
        _ => (Arc::clone(column), row),
    };
    values.is_valid(at).then(|| match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().value(at).to_owned(),
        DataType::Boolean => values.as_boolean().value(at).to_string(),
        DataType::Float64 => values.as_primitive::<Float64Type>().value(at).to_string(),
        DataType::Timestamp(..) => values
            .as_primitive::<TimestampMicrosecondType>()
            .value(at)
            .to_string(),
        _ => wide(&values)[at].to_string(),
    })
}

/// Seconds from the actions of a row to the cutoff, without padding, if there is such a column.
fn time_delta_of(batch: &RecordBatch, row: usize, settings: &Settings) -> Option<Vec<i32>> {
    let own = settings.sequences();
    let column = batch.column_by_name("time_delta");
    assert_eq!(
        column.is_some(),
        own.attributes.contains(&Attribute::TimeDelta)
    );
    let deltas = column?.as_list::<i32>().value(row);
    let deltas = deltas.as_primitive::<Int32Type>().values();
    let length = history_of(batch, row, settings).len();
    assert_eq!(deltas.len(), stored(settings, length));
    assert!(deltas[length..].iter().all(|delta| *delta == 0));
    Some(deltas[..length].to_vec())
}

/// Seconds from 1970 to the actions of a row, without padding, if there is such a column.
fn seconds_of(batch: &RecordBatch, row: usize, settings: &Settings) -> Option<Vec<i64>> {
    let column = batch.column_by_name("time");
    let is_asked = settings.sequences().attributes.contains(&Attribute::Time);
    assert_eq!(column.is_some(), is_asked);
    let times = wide(&column?.as_list::<i32>().value(row));
    let length = history_of(batch, row, settings).len();
    assert_eq!(times.len(), stored(settings, length));
    assert!(times[length..].iter().all(|time| *time == 0));
    Some(times[..length].to_vec())
}

/// The attributes of the actions of a row, without padding, action by action.
fn attributes_of(batch: &RecordBatch, row: usize, settings: &Settings) -> Vec<Vec<Number>> {
    let own = settings.sequences();
    let length = history_of(batch, row, settings).len();
    let mut attributes = vec![Vec::new(); length];
    for attribute in &own.attributes {
        let Attribute::Column(column) = attribute else {
            continue;
        };
        let numbers = column_of(batch, attribute.column())
            .as_list::<i32>()
            .value(row);
        assert_eq!(numbers.len(), stored(settings, length));
        assert!(column.kind.is_none_or(|kind| match kind {
            AttributeType::Int32 => *numbers.data_type() == DataType::Int32,
            AttributeType::Float32 => *numbers.data_type() == DataType::Float32,
        }));
        let number = |at: usize| match numbers.data_type() {
            DataType::Int32 => Number::Int(numbers.as_primitive::<Int32Type>().value(at)),
            _ => Number::Float(numbers.as_primitive::<Float32Type>().value(at).to_bits()),
        };
        let zeros = [Number::Int(0), Number::Float(0)];
        assert!((length..numbers.len()).all(|at| zeros.contains(&number(at))));
        for (at, action) in attributes.iter_mut().enumerate() {
            action.push(number(at));
        }
    }
    attributes
}

/// A folder for a test's files: in memory where there is such a place, because every run syncs.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

/// Runs a case and compares it with the reference; `name` is in the message if they differ.
pub(crate) fn check(name: &str, case: &Case, change: impl Fn(&mut Settings)) {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    case.set_aside(&mut settings);
    change(&mut settings);
    let expected = case.expected();
    let report = run(settings.clone()).unwrap_or_else(|error| panic!("{name}: {error}\n{case:#?}"));
    let found = samples(&out, &settings);
    assert!(
        is_ordered(&found),
        "{name}: rows of a customer are not in order\n{case:#?}"
    );
    let mut sorted = found;
    sorted.sort();
    assert_eq!(sorted, expected, "{name}\n{case:#?}");
    assert_eq!(report.samples, expected.len() as u64, "{name}");
    let empty = expected
        .iter()
        .filter(|sample| sample.history.is_empty())
        .count();
    assert_eq!(report.zero_history, empty as u64, "{name}");
    let mut coded = case.coded();
    if settings.sequences().actions_max.is_none() {
        coded.rules.actions_max = usize::MAX;
    }
    crate::metrics::check(name, &coded, &out);
    if case.items != Items::Ids {
        let items = case.vocabulary().into_iter();
        let texts = items.map(|item| item_text(case.items, item));
        let texts: Vec<(String, i64)> = texts.zip(1..).collect();
        assert_eq!(vocabulary(&out), texts, "{name}\n{case:#?}");
    }
    audit(name, &out);
}

/// The items of an output with their codes, in order.
pub(crate) fn vocabulary(out: &Path) -> Vec<(String, i64)> {
    let file = File::open(out.join("_vocabulary.parquet")).expect("a vocabulary");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("Parquet")
        .build();
    let mut all = Vec::new();
    for batch in reader.expect("Parquet") {
        let batch = batch.expect("a batch");
        let items = column_of(&batch, "item").as_string::<i32>();
        let items = items.iter().map(|item| item.expect("a text").to_owned());
        all.extend(items.zip(wide(column_of(&batch, "code"))));
    }
    all
}

/// Audits all rows of an output; of random cases, which are called `seed N`, only one in forty, because an
/// audit takes several times as long as a run.
pub(crate) fn audit(name: &str, out: &Path) {
    let seed = name.strip_prefix("seed ");
    let seed = seed.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    if seed.is_some_and(|seed| seed % 40 != 0) {
        return;
    }
    let settings = VerifySettings {
        out: out.to_owned(),
        audit_rows: AuditRows::All,
        temp_dir: out.parent().expect("a folder").to_owned(),
        ..VerifySettings::default()
    };
    let verified = verify(&settings, &RunContext::default());
    let verified = verified.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(verified.problems, [], "{name}");
}

/// Whether each day has its customers one after the other, each by cutoff, ranking, position.
fn is_ordered(samples: &[Sample]) -> bool {
    let in_order = samples.windows(2).all(|pair| {
        let (a, b) = (&pair[0], &pair[1]);
        let same = a.day == b.day && a.customer == b.customer;
        !same || (a.cutoff_us, &a.ranking) <= (b.cutoff_us, &b.ranking)
    });
    let mut runs: Vec<(i32, &Option<String>)> = samples
        .iter()
        .map(|sample| (sample.day, &sample.customer))
        .collect();
    runs.dedup();
    let count = runs.len();
    runs.sort();
    runs.dedup();
    in_order && runs.len() == count
}
