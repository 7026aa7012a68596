//! Names that columns have in public logs, by what they mean.

/// Names of customers.
const CUSTOMER: &[&str] = &[
    "customerid",
    "userid",
    "visitorid",
    "customer",
    "user",
    "visitor",
    "clientid",
    "memberid",
    "uid",
    "cid",
    "userpseudoid",
    "client",
    "member",
    "buyerid",
    "reviewerid",
    "accountid",
    "fullvisitorid",
    "anonymousid",
    "distinctid",
    "cookieid",
    "deviceid",
    "deviceip",
    "personid",
    "profileid",
    "shopperid",
    "subscriberid",
    "sessionid",
    "session",
    "usersession",
    "visitid",
    "userhash",
    "usersid",
    "householdkey",
    "householdid",
];
/// Names of items.
const ITEM: &[&str] = &[
    "itemid",
    "item",
    "productid",
    "product",
    "aid",
    "sku",
    "articleid",
    "article",
    "configid",
    "asin",
    "parentasin",
    "movieid",
    "movie",
    "newsid",
    "contentid",
    "content",
    "videoid",
    "trackid",
    "songid",
    "songhash",
    "adid",
    "ad",
    "adgroupid",
    "bookid",
    "isbn",
    "listingid",
    "offerid",
    "goodsid",
    "postid",
    "businessid",
    "recipeid",
    "courseid",
    "gameid",
    "appid",
    "hotelid",
    "prophotelid",
    "poiid",
    "venueid",
    "artistid",
    "entityid",
    "objectid",
    "documentid",
    "docid",
    "creativeid",
    "iid",
    "stockcode",
    "pid",
];
/// Names of times.
const TIME: &[&str] = &[
    "impressiontime",
    "clicktime",
    "occurredat",
    "time",
    "ts",
    "timestamp",
    "eventtime",
    "eventtimestamp",
    "eventts",
    "impressionts",
    "clickts",
    "datetime",
    "createdat",
    "createdts",
    "servertime",
    "unixtime",
    "timems",
    "tms",
    "at",
    "when",
    "orderdate",
    "purchasedat",
    "date",
    "eventdate",
    "hour",
    "tdat",
    "day",
    "datetimes",
    "loggedat",
    "receivedat",
    "reviewtime",
    "unixreviewtime",
    "invoicedate",
    "transactiondate",
    "transactiontime",
    "checkintime",
];
/// Names of types.
const TYPE: &[&str] = &[
    "type",
    "event",
    "eventtype",
    "action",
    "actiontype",
    "eventname",
    "kind",
    "behavior",
    "behaviour",
    "behaviortype",
    "interaction",
    "interactiontype",
    "activity",
    "verb",
    "usermethod",
];
/// Names of ids of impressions.
const RANKING: &[&str] = &[
    "rankingid",
    "requestid",
    "impressionid",
    "recommendationid",
    "recid",
    "queryid",
    "srchid",
    "searchid",
    "slateid",
    "pageviewid",
    "listid",
    "batchid",
    "id",
];
/// Names of labels.
const LABEL: &[&str] = &[
    "isorder",
    "label",
    "isclick",
    "isclicked",
    "clicked",
    "click",
    "ordered",
    "purchased",
    "bought",
    "converted",
    "conversion",
    "isconversion",
    "target",
    "clickbool",
    "bookingbool",
    "liked",
    "isclickedbool",
    "y",
    "longview",
];
/// Names of positions.
const POSITION: &[&str] = &["position", "rank", "pos", "slot", "index", "idx", "place"];
/// Names of lists of items.
const ITEMS: &[&str] = &[
    "impressions",
    "items",
    "itemids",
    "shown",
    "recommendations",
    "recs",
    "products",
    "productids",
    "candidates",
    "slate",
    "ranking",
    "inview",
    "articleidsinview",
    "results",
    "exposed",
    "impression",
];
/// Names of lists of labels.
const LABELS: &[&str] = &[
    "labels", "targets", "isorder", "isorders", "isclick", "label",
];
/// Names of lists of clicked items.
const CLICKED: &[&str] = &[
    "clicked",
    "clicks",
    "clickeditems",
    "clickedids",
    "articleidsclicked",
    "ordered",
    "bought",
    "purchased",
    "orders",
];
/// Names of days.
const DAY: &[&str] = &["dt", "date", "day", "ds", "eventdate", "impressiondate"];
/// Names of categories.
const CATEGORY: &[&str] = &["category", "categoryid", "cat"];
/// Names of prices.
const PRICE: &[&str] = &["price", "amount"];
/// Names of times when listings were made.
const CREATED: &[&str] = &["createdts", "createdat", "created", "listedat"];
/// Names of times since when rows hold.
const VALID_FROM: &[&str] = &[
    "validfrom",
    "updatedat",
    "effectivefrom",
    "asof",
    "changedat",
];
/// Names of flyers.
const FLYER: &[&str] = &[
    "flyerid",
    "flyer",
    "brochureid",
    "leafletid",
    "catalogid",
    "page",
];
/// Names of merchants.
const MERCHANT: &[&str] = &[
    "merchantid",
    "merchant",
    "shopid",
    "shop",
    "storeid",
    "store",
    "retailerid",
    "retailer",
    "sellerid",
];

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Who acts.
    Customer,
    /// What was shown or acted on.
    Item,
    /// When.
    Time,
    /// What kind of action.
    Type,
    /// Which impression.
    Ranking,
    /// Whether an item that was shown was ordered or clicked.
    Label,
    /// The place of an item in its impression.
    Position,
    /// The items of an impression.
    Items,
    /// Their labels.
    Labels,
    /// Those of them that were clicked.
    Clicked,
    /// The day of an impression.
    Day,
    /// The category of a listing.
    Category,
    /// The price of a listing.
    Price,
    /// When a listing was made.
    Created,
    /// Since when a row of a listing holds.
    ValidFrom,
    /// A flyer.
    Flyer,
    /// A merchant.
    Merchant,
}

impl Role {
    /// What a comment calls it.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Role::Customer => "the customer",
            Role::Item => "the item",
            Role::Time => "the time",
            Role::Type => "the type",
            Role::Ranking => "the id of an impression",
            Role::Label => "the label",
            Role::Position => "the position",
            Role::Items => "the list of items",
            Role::Labels => "the list of labels",
            Role::Clicked => "the list of clicked items",
            Role::Day => "the day",
            Role::Category => "the category",
            Role::Price => "the price",
            Role::Created => "the time of creation",
            Role::ValidFrom => "the time of a change",
            Role::Flyer => "the flyer",
            Role::Merchant => "the merchant",
        }
    }

    /// Names without separators, in lower case, the likeliest first.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Role::Customer => CUSTOMER,
            Role::Item => ITEM,
            Role::Time => TIME,
            Role::Type => TYPE,
            Role::Ranking => RANKING,
            Role::Label => LABEL,
            Role::Position => POSITION,
            Role::Items => ITEMS,
            Role::Labels => LABELS,
            Role::Clicked => CLICKED,
            Role::Day => DAY,
            Role::Category => CATEGORY,
            Role::Price => PRICE,
            Role::Created => CREATED,
            Role::ValidFrom => VALID_FROM,
            Role::Flyer => FLYER,
            Role::Merchant => MERCHANT,
        }
    }
}

/// A name without separators, in lower case, and without the type that some data sets write behind a colon.
pub(super) fn plain(name: &str) -> String {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    let plain = name.chars().filter(|c| c.is_alphanumeric());
    plain.flat_map(char::to_lowercase).collect()
}

/// The words of a name or a value, in lower case: `addToCart` and `add_to_cart` have three.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in text.chars() {
        let begins = !before.is_alphanumeric() || (before.is_lowercase() && c.is_uppercase());
        match words.last_mut() {
            Some(word) if !begins && c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ if c.is_alphanumeric() => words.push(c.to_lowercase().collect()),
            _ => {}
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["userId", "USER_ID", "user id", "user_id:token", "user.id"] {
            assert_eq!(plain(name), "userid");
        }
        assert_eq!(words_of("addToCart"), ["add", "to", "cart"]);
        assert_eq!(words_of("Product Viewed"), ["product", "viewed"]);
    }
}
