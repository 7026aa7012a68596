//! Manifests of any content in the place of those of a published set: for `verify`, its audit,
//! `explain`, and a run that adds a day. The first byte says which manifest, and whether it ends
//! with the right checksum of itself.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use hitherto::{
    AuditRows, ExplainSettings, IfExists, Job, Publish, RunContext, Sequences, Settings, Source, VerifySettings,
    explain, run, verify,
};
use hitherto_fuzz::{check_error, folder, only_our_panics_count};
use libfuzzer_sys::fuzz_target;

/// Impressions of the set.
const SHOWN: &str = "{\"dt\":\"2025-08-15\",\"ranking_id\":\"r\",\"customer_id\":1,\"impressions\":[{\"item_id\":1,\"is_order\":true}]}\n";
/// Its clicks.
const CLICKS: &str = "{\"customer_id\":1,\"item_id\":1,\"click_time\":\"2025-08-14T00:00:00Z\"}\n";

/// How the set is made.
fn settings(publish: Publish) -> Settings {
    let path = |name: &str| folder().join(name).display().to_string();
    Settings {
        ask: Sequences { actions_max: Some(3), ..Sequences::default() }.into(),
        paths: vec![(Source::Impressions, path("shown.ndjson")), (Source::Clicks, path("clicks.ndjson"))],
        out: folder().join("set"),
        publish,
        ..Settings::default()
    }
}

/// Makes the set, once.
fn set() -> &'static PathBuf {
    static SET: OnceLock<PathBuf> = OnceLock::new();
    SET.get_or_init(|| {
        fs::write(folder().join("shown.ndjson"), SHOWN).expect("room in memory");
        fs::write(folder().join("clicks.ndjson"), CLICKS).expect("room in memory");
        let job = Job::new(settings(Publish::New)).expect("good settings");
        run(&job, &RunContext::default()).expect("good input");
        job.out.clone()
    })
}

fuzz_target!(init: only_our_panics_count(), |data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let sealed = match choice & 1 {
        0 => Some(text.to_vec()),
        _ => hitherto::testkit::fuzz::sealed(text),
    };
    let Some(manifest) = sealed else { return };
    let name = if choice & 2 == 0 { "_manifest.json" } else { "dt=2025-08-15/_manifest.json" };
    let path = set().join(name);
    let before = fs::read(&path).expect("it was published");
    fs::write(&path, manifest).expect("room in memory");
    let context = || RunContext::new(1 << 30, None);
    let found = match choice >> 2 & 3 {
        0 => verify(
            &VerifySettings { out: set().clone(), audit_rows: AuditRows::Count(0), ..VerifySettings::default() },
            &context(),
        )
        .map(drop),
        1 => verify(
            &VerifySettings { out: set().clone(), temp_dir: folder().to_owned(), ..VerifySettings::default() },
            &context(),
        )
        .map(drop),
        2 => {
            let asked = ExplainSettings {
                out: set().clone(),
                threads: 1,
                inputs_from: None,
                ranking_id: Some("r".to_owned()),
                customer: None,
                day: None,
            };
            explain(&asked, &context()).map(drop)
        }
        _ => Job::new(settings(Publish::AddDays(IfExists::Skip))).and_then(|job| run(&job, &context())).map(drop),
    };
    if let Err(error) = &found {
        check_error(error);
    }
    fs::write(&path, before).expect("room in memory");
    let _ = fs::remove_file(set().join("_audit.json"));
});
