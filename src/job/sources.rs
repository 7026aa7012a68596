//! The questions that can be asked, and the inputs that each reads.

use crate::ids::Kind;

/// What a job asks of its logs; each has its own sources and its own columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which actions came before each impression?
    Sequences,
    /// How many clicks came before each impression, and did one follow?
    Features,
    /// How long did people stay?
    Dwell,
}

impl Question {
    /// The name of the command, and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Question::Sequences => "sequences",
            Question::Features => "features",
            Question::Dwell => "dwell",
        }
    }

    /// The column by whose days the output is laid out in folders.
    pub(crate) fn day_column(self) -> &'static str {
        match self {
            Question::Sequences => "dt",
            Question::Features | Question::Dwell => "date",
        }
    }

    /// The sources that it reads, in the order in which they are read and reported.
    pub fn sources(self) -> &'static [Source] {
        match self {
            Question::Sequences => &[
                Source::Impressions,
                Source::Clicks,
                Source::Carts,
                Source::Orders,
            ],
            Question::Features => &[Source::Impressions, Source::Clicks, Source::Listings],
            Question::Dwell => &[Source::Events],
        }
    }
}

/// One of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What was shown to whom.
    Impressions,
    /// Clicks on items, or on listings.
    Clicks,
    /// Items put into carts.
    Carts,
    /// Items ordered.
    Orders,
    /// Listings, and what is known of each.
    Listings,
    /// What people did with flyers.
    Events,
}

impl Source {
    /// All of them, of all questions.
    pub const ALL: [Source; 6] = [
        Source::Impressions,
        Source::Clicks,
        Source::Carts,
        Source::Orders,
        Source::Listings,
        Source::Events,
    ];
    /// Those that are actions.
    pub const ACTIONS: [Source; 3] = [Source::Clicks, Source::Carts, Source::Orders];

    /// The name in flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Source::Impressions => "impressions",
            Source::Clicks => "clicks",
            Source::Carts => "carts",
            Source::Orders => "orders",
            Source::Listings => "listings",
            Source::Events => "events",
        }
    }

    /// The name of its folder or file below the input folder.
    pub fn folder(self) -> &'static str {
        match self {
            Source::Carts => "add_to_carts",
            Source::Orders => "previous_orders",
            _ => self.name(),
        }
    }

    /// The source of a name, or `None`.
    pub fn named(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.name() == name)
    }

    /// The code of its actions.
    ///
    /// # Panics
    /// If the source holds no actions.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Source::Clicks => Kind::CLICK,
            Source::Carts => Kind::CART,
            Source::Orders => Kind::ORDER,
            _ => panic!("{} are not actions", self.name()),
        }
    }

    /// The columns that a question reads, which may be renamed; none if it does not read the
    /// source.
    pub fn columns(self, of: Question) -> &'static [&'static str] {
        match (of, self) {
            (Question::Sequences, Source::Impressions) => &[
                "dt",
                "ranking_id",
                "customer_id",
                "impressions",
                "impression_time",
                "item_id",
                "is_order",
            ],
            (Question::Sequences, Source::Clicks) => &["customer_id", "item_id", "click_time"],
            (Question::Sequences, Source::Carts) => &["customer_id", "config_id", "occurred_at"],
            (Question::Sequences, Source::Orders) => {
                &["customer_id", "config_id", "occurred_at", "order_date"]
            }
            (Question::Features, Source::Impressions) => {
                &["impression_id", "user_id", "listing_id", "impression_ts"]
            }
            (Question::Features, Source::Clicks) => &["user_id", "listing_id", "click_ts"],
            (Question::Features, Source::Listings) => {
                &["listing_id", "category", "price", "created_ts"]
            }
            (Question::Dwell, Source::Events) => {
                &["timestamp", "user_id", "event", "flyer_id", "merchant_id"]
            }
            _ => &[],
        }
    }

    /// The column by which a text is known to be CSV of this source, if its name does not tell.
    pub(crate) fn telling_column(self, of: Question) -> &'static str {
        match of {
            Question::Sequences => "customer_id",
            Question::Features => "listing_id",
            Question::Dwell => "user_id",
        }
    }
}
