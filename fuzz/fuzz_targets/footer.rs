//! Footers and page headers of Parquet, levels and lengths: no bytes make the judge panic, or believe.
#![no_main]

libfuzzer_sys::fuzz_target!(init: hitherto_fuzz::only_our_panics_count(), |data: &[u8]| {
    hitherto::testkit::fuzz::judge_parquet(data);
});
