//! Two distributions to the drift between them.
//!
//! **In / Out**: how many fall into each class, in one set and in another → the population stability
//! index, `Σ (p − q) · ln(p / q)` over the classes. **Thresholds**: below 0.1 is no drift, up to 0.25
//! some, above that a large one, as is usual. A class that is empty in one set counts as a
//! ten-thousandth, so that the index stays finite.

/// The least share that a class counts as.
const SHARE_MIN: f64 = 1e-4;

/// How much two distributions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// An index below 0.1.
    None,
    /// From 0.1 to 0.25.
    Some,
    /// Above 0.25.
    Large,
}

impl Drift {
    /// The drift of an index.
    pub(crate) fn new(index: f64) -> Drift {
        if index < 0.1 {
            Drift::None
        } else if index <= 0.25 {
            Drift::Some
        } else {
            Drift::Large
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Drift::None => "none",
            Drift::Some => "some",
            Drift::Large => "large",
        }
    }
}

/// The index of two distributions over the same classes; nothing if one of them is empty.
pub(crate) fn index_of(own: &[f64], other: &[f64]) -> Option<f64> {
    let (all, all_other): (f64, f64) = (own.iter().sum(), other.iter().sum());
    if all <= 0.0 || all_other <= 0.0 {
        return None;
    }
    let classes = own.len().max(other.len());
    let share = |counts: &[f64], at: usize, all: f64| {
        (counts.get(at).copied().unwrap_or(0.0) / all).max(SHARE_MIN)
    };
    let terms = (0..classes).map(|at| {
        let (p, q) = (share(own, at, all), share(other, at, all_other));
        (p - q) * (p / q).ln()
    });
    Some(terms.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_that_of_the_formula() {
        assert_eq!(index_of(&[5.0, 5.0], &[50.0, 50.0]), Some(0.0));
        // (0.6 − 0.5) ln 1.2 + (0.4 − 0.5) ln 0.8
        let index = index_of(&[60.0, 40.0], &[1.0, 1.0]).expect("an index");
        assert!((index - 0.040_546_5).abs() < 1e-6, "{index}");
        // A class that is not there: (1e-4 − 0.5) ln(2e-4) + (1 − 0.5) ln 2
        let index = index_of(&[0.0, 1.0], &[1.0, 1.0]).expect("an index");
        assert!((index - 4.604_317).abs() < 1e-5, "{index}");
        assert_eq!(index_of(&[], &[1.0]), None);
    }

    #[test]
    fn thresholds_are_those_that_the_page_names() {
        for (index, drift) in [
            (0.0999, Drift::None),
            (0.1, Drift::Some),
            (0.25, Drift::Some),
            (0.2501, Drift::Large),
        ] {
            assert_eq!(Drift::new(index), drift);
        }
    }
}
