//! Partition, sort and sweep against nested loops, over anything that can happen to customers.
#![no_main]

use hitherto::testkit::fuzz::{FuzzProbe, FuzzAction, histories};
use libfuzzer_sys::fuzz_target;

/// Actions of a few customers within a few moments, so that they meet: whose, when, how late known,
/// of which kind, on what.
type Actions = Vec<(u8, u8, u8, u8, u8)>;
/// Probes: whose, when, how far back.
type Probes = Vec<(u8, u8, u8)>;

fuzz_target!(|case: (Actions, Probes, u8, u8, bool)| {
    let (actions, probes, bits, max, is_late) = case;
    let actions: Vec<FuzzAction> = actions
        .iter()
        .map(|(customer, time, late, kind, item)| FuzzAction {
            customer: u32::from(customer % 5),
            time: i64::from(*time),
            known_after: i64::from(*time) + if is_late { i64::from(late % 4) } else { 0 },
            kind: 1 + kind % 3,
            item: 1 + i32::from(item % 9),
        })
        .collect();
    let mut probes: Vec<FuzzProbe> = probes
        .iter()
        .map(|(customer, cutoff, back)| FuzzProbe {
            customer: u32::from(customer % 5),
            cutoff: i64::from(*cutoff),
            lookback_start: i64::from(*cutoff) - i64::from(*back),
        })
        .collect();
    // As the engine has them: by customer, then by cutoff.
    probes.sort_by_key(|of| (of.customer, of.cutoff, of.lookback_start));
    let max = u32::from(max % 8) + 1;
    let found = histories(&actions, &probes, 5, max, bits % 13);
    for (of, history) in probes.iter().zip(found) {
        let mut prior: Vec<&FuzzAction> = actions
            .iter()
            .filter(|action| action.customer == of.customer)
            .filter(|action| of.lookback_start <= action.time && action.time < of.cutoff)
            .filter(|action| action.known_after < of.cutoff)
            .collect();
        prior.sort_by_key(|action| std::cmp::Reverse((action.time, action.kind, action.item)));
        let expected: Vec<(i32, u8)> =
            prior.iter().take(max as usize).map(|action| (action.item, action.kind)).collect();
        assert_eq!(history, expected, "{of:?} of {actions:?}");
    }
});
