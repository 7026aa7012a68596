//! Blocks of spilled rows: what is read back from any bytes is what would be written.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (rows, bytes) = input;
    hitherto::testkit::fuzz::spill_block(bytes, rows.into());
});
