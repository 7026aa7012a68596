//! Codes for the types of a log, by the words that stand for them.

use super::names::words_of;

/// Words of types that are orders.
const ORDERS: [&str; 15] = [
    "order",
    "orders",
    "ordered",
    "purchase",
    "purchases",
    "purchased",
    "buy",
    "buys",
    "bought",
    "transaction",
    "transactions",
    "sale",
    "conversion",
    "paid",
    "payment",
];
/// Words of types that put items into carts.
const CARTS: [&str; 6] = ["cart", "carts", "basket", "addtocart", "add2cart", "bag"];
/// Words of types that look at items.
const CLICKS: [&str; 15] = [
    "click", "clicks", "clicked", "view", "viewed", "views", "pv", "pageview", "detail", "select",
    "open", "watch", "play", "read", "visit",
];
/// Words that turn a type into another one.
const NOT: [&str; 12] = [
    "remove",
    "removed",
    "delete",
    "cancel",
    "cancelled",
    "return",
    "refund",
    "abandon",
    "wishlist",
    "wish",
    "unlike",
    "search",
];

/// The code of what a type means: 1 click, 2 cart, 3 order.
fn meaning(word: &str) -> Option<u8> {
    let words = words_of(word);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    if has(&NOT) {
        return None;
    }
    let cart = has(&CARTS).then_some(2);
    let order = has(&ORDERS).then_some(3);
    order.or(cart).or_else(|| has(&CLICKS).then_some(1))
}

/// The code of all rows of a log, if its name tells what they mean.
pub(super) fn code_of_log(name: &str) -> Option<u8> {
    let is_other = words_of(name)
        .iter()
        .any(|word| NOT.contains(&word.as_str()));
    meaning(name).or_else(|| is_other.then_some(4))
}

/// Codes for types. The most frequent one of each meaning gets its code; all others get codes from 4.
pub(super) fn codes_of(words: &[(String, u64)]) -> Vec<(String, u8)> {
    let mut next = 3;
    let codes = words.iter().map(|(word, count)| {
        let code = meaning(word).filter(|code| {
            let same = words
                .iter()
                .filter(|(other, _)| meaning(other) == Some(*code));
            // Of equal numbers the first counts.
            let first = same.rev().max_by_key(|(_, count)| *count);
            first == Some(&(word.clone(), *count))
        });
        let code = code.unwrap_or_else(|| {
            next += 1;
            next
        });
        (word.clone(), code)
    });
    codes.collect()
}

/// The rarest type that is an order.
pub(super) fn order_of(words: &[(String, u64)]) -> Option<&str> {
    let orders = words.iter().filter(|(word, _)| meaning(word) == Some(3));
    orders
        .min_by_key(|(_, count)| *count)
        .map(|(word, _)| word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of words, each as frequent as its place says.
    fn codes(words: &[&str]) -> Vec<u8> {
        let words = words.iter().zip((1..=9).rev());
        let words: Vec<(String, u64)> = words
            .map(|(word, count)| ((*word).to_owned(), count))
            .collect();
        codes_of(&words).into_iter().map(|(_, code)| code).collect()
    }

    #[test]
    fn the_name_of_a_log_tells_its_type() {
        for (name, code) in [
            ("page_views", Some(1)),
            ("purchases", Some(3)),
            ("removed-from-cart", Some(4)),
            ("events", None),
        ] {
            assert_eq!(code_of_log(name), code, "{name}");
        }
    }

    #[test]
    fn types_have_the_codes_of_their_meaning() {
        assert_eq!(codes(&["clicks", "carts", "orders"]), [1, 2, 3]);
        assert_eq!(codes(&["pv", "cart", "fav", "buy"]), [1, 2, 4, 3]);
        assert_eq!(
            codes(&["Product Viewed", "Product Added To Cart", "Order Completed"]),
            [1, 2, 3]
        );
        assert_eq!(codes(&["remove_from_cart", "view", "pageView"]), [4, 1, 5]);
    }
}
