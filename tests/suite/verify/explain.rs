//! `explain`: every action of a customer is listed, with its outcome and its record.

use std::fs;

use hitherto::{
    Cutoff, ErrorKind, ExplainSettings, Explained, JobKind, RunContext, Sequences, Settings,
    Source, explain, parse_day,
};

use super::sets::Set;

/// Explains a ranking of a set.
fn ranking(set: &Set, ranking: &str) -> Vec<Explained> {
    let settings = ExplainSettings {
        out: set.out(),
        threads: 1,
        ranking_id: Some(ranking.to_owned()),
        ..ExplainSettings::default()
    };
    explain(&settings, &RunContext::default()).expect("an impression")
}

/// The outcomes of the actions of an impression, as `ITEM: OUTCOME (RECORD)`.
fn outcomes_of(explained: &Explained) -> Vec<String> {
    let actions = explained.actions.iter();
    let text = |action: &hitherto::ExplainedAction| {
        let item = action
            .item
            .map_or_else(|| "-".to_owned(), |item| item.to_string());
        format!("{item}: {} ({})", action.fate, action.from.1)
    };
    actions.map(text).collect()
}

#[test]
fn every_action_is_listed_newest_first_with_its_outcome() {
    let set = Set::new(JobKind::Sequences);
    let [explained] = &ranking(&set, "r1")[..] else {
        panic!("one impression");
    };
    assert_eq!(explained.cutoff, "2025-08-15T00:00:00Z");
    assert_eq!(
        explained.lookback_start.as_deref(),
        Some("2024-08-15T00:00:00Z")
    );
    assert_eq!(
        outcomes_of(explained),
        [
            "24: after the cutoff (4)",
            "24: after the cutoff, an exact duplicate of the one before (5)",
            "21: kept at position 0 (1)",
            "31: kept at position 1 (1)",
            "41: kept at position 2 (1)",
        ]
    );
    assert!(explained.actions[2].from.0.ends_with("clicks.csv"));
    let [explained] = &ranking(&set, "r2")[..] else {
        panic!("one impression");
    };
    let outcomes = outcomes_of(explained);
    assert_eq!(
        outcomes[..2],
        ["33: kept at position 0 (2)", "43: kept at position 1 (2)"]
    );
    assert!(outcomes[2].starts_with("-: quarantined: column \"item_id\": expected an item id"));
    let [explained] = &ranking(&set, "r3")[..] else {
        panic!("one impression");
    };
    assert_eq!(outcomes_of(explained)[4], "41: beyond the last 4 (1)");
}

#[test]
fn an_action_of_a_type_that_does_not_count_is_listed_as_such() {
    let set = Set::inputs(JobKind::Sequences);
    set.make(Settings {
        ask: Sequences {
            types: vec![1, 3],
            ..set.settings(JobKind::Sequences).sequences().clone()
        }
        .into(),
        ..set.settings(JobKind::Sequences)
    });
    let [explained] = &ranking(&set, "r1")[..] else {
        panic!("one impression");
    };
    assert_eq!(
        outcomes_of(explained)[2..],
        [
            "21: kept at position 0 (1)",
            "31: of a type that does not count (1)",
            "41: kept at position 1 (1)",
        ]
    );
}

#[test]
fn actions_that_were_known_late_are_listed_as_such() {
    let set = Set::inputs(JobKind::Sequences);
    let clicks = "customer_id,item_id,click_time,seen_at\n\
        1,1,2025-08-14 10:00:00,2025-08-15\n1,2,2025-08-14 09:00:00,\n\
        1,3,2025-08-15,2025-08-14\n1,4,2025-08-15 00:00:00,2025-08-14\n1,5,2024-01-01,2024-01-01\n";
    fs::write(set.dir().join("clicks.csv"), clicks).expect("a file");
    let shown = r#"{"ranking_id":"t","customer_id":1,"impressions":[{"item_id":5,"is_order":false}],"impression_time":"2025-08-15 00:00:00"}
{"ranking_id":"u","customer_id":1,"impressions":[{"item_id":5,"is_order":false}],"impression_time":"2025-08-15 12:00:00"}
"#;
    fs::write(set.dir().join("impressions.ndjson"), shown).expect("a file");
    set.make(Settings {
        ask: Sequences {
            cutoff: Cutoff::Time,
            available: vec![(Source::Clicks, "seen_at".into())],
            embargo_us: vec![(Source::Carts, 3 * 86_400_000_000)],
            ..set.settings(JobKind::Sequences).sequences().clone()
        }
        .into(),
        ..set.settings(JobKind::Sequences)
    });
    let [explained] = &ranking(&set, "t")[..] else {
        panic!("one impression");
    };
    assert_eq!(
        outcomes_of(explained),
        [
            "4: at the very cutoff, so not prior (4)",
            "3: at the very cutoff, so not prior (3)",
            "1: not yet available: by seen_at not before the cutoff (1)",
            "2: never available: seen_at is null (2)",
            "31: not yet available: embargo of 259200 s (1)",
            "41: kept at position 0 (1)",
            "5: before the lookback (5)",
        ]
    );
    let [explained] = &ranking(&set, "u")[..] else {
        panic!("one impression");
    };
    let late = "3: not yet known: only its day is, which was not over (3)";
    assert!(
        outcomes_of(explained).iter().any(|outcome| outcome == late),
        "{:?}",
        outcomes_of(explained)
    );
}

#[test]
fn a_day_is_explained_by_the_files_that_its_run_saw() {
    let set = Set::of_days();
    let items = |id: &str| -> Vec<Option<i64>> {
        let explained = ranking(&set, id);
        explained[0]
            .actions
            .iter()
            .map(|action| action.item)
            .collect()
    };
    assert!(!items("r1").contains(&Some(88)));
    assert!(items("r3").contains(&Some(88)));
}

#[test]
fn impressions_are_found_by_customer_and_day() {
    let set = Set::new(JobKind::Sequences);
    let settings = ExplainSettings {
        out: set.out(),
        threads: 1,
        customer: Some("1".into()),
        day: parse_day("2025-08-16"),
        ..ExplainSettings::default()
    };
    let found = explain(&settings, &RunContext::default()).expect("an impression");
    let rankings: Vec<&str> = found
        .iter()
        .map(|impression| impression.ranking.as_str())
        .collect();
    assert_eq!(rankings, ["r3"]);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let set = Set::new(JobKind::Sequences);
    let settings = |out| ExplainSettings {
        out,
        threads: 1,
        ranking_id: Some("r77".into()),
        ..ExplainSettings::default()
    };
    let error = explain(&settings(set.out()), &RunContext::default()).expect_err("no ranking");
    assert!(matches!(error.kind(), ErrorKind::NoInput { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("r77") && text.contains("2025-08-15 to 2025-08-16"),
        "{text}"
    );
    let error = explain(&settings(set.dir()), &RunContext::default()).expect_err("no set");
    assert_eq!(error.exit_code(), 66);
    let other = Set::new(JobKind::Dwell);
    let error = explain(&settings(other.out()), &RunContext::default()).expect_err("another job");
    assert_eq!(error.exit_code(), 2);
    fs::write(set.dir().join("clicks.csv"), "").expect("a file");
    let error = explain(&settings(set.out()), &RunContext::default()).expect_err("another input");
    assert_eq!(error.exit_code(), 66);
    assert!(error.to_string().contains("has changed"), "{error}");
}
