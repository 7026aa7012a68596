//! Arrow IPC as clicks: any bytes, or a good file or stream with some bytes replaced, and cut. The first byte says
//! which.
#![no_main]

use std::fs;
use std::sync::{Arc, OnceLock};

use arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::Int8Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use hitherto::{Ask, JobKind, Settings, Source};
use libfuzzer_sys::fuzz_target;

/// Impressions that ask for the clicks.
const SHOWN: &str = "{\"dt\":\"2025-08-15\",\"ranking_id\":\"r\",\"customer_id\":1,\"impressions\":[{\"item_id\":1,\"is_order\":true}]}\n";

/// Good clicks, as a file or a stream, whole or compressed.
fn good() -> &'static [Vec<u8>] {
    static GOOD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let kinds: DictionaryArray<Int8Type> =
            ["web", "app", "web"].into_iter().map(Some).collect();
        let columns: [(&str, ArrayRef); 5] = [
            (
                "customer_id",
                Arc::new(Int64Array::from(vec![Some(1), None, Some(1)])),
            ),
            ("item_id", Arc::new(Int64Array::from(vec![5, 6, 7]))),
            (
                "click_time",
                Arc::new(
                    TimestampMillisecondArray::from(vec![1_755_086_400_000; 3])
                        .with_timezone("UTC"),
                ),
            ),
            ("kind", Arc::new(kinds)),
            (
                "note",
                Arc::new(StringArray::from(vec![
                    Some("a"),
                    None,
                    Some("longer than twelve bytes"),
                ])),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let mut all = Vec::new();
        for packed in [
            None,
            Some(CompressionType::LZ4_FRAME),
            Some(CompressionType::ZSTD),
        ] {
            let options = || {
                IpcWriteOptions::default()
                    .try_with_compression(packed)
                    .expect("a codec")
            };
            let (mut file, mut stream) = (Vec::new(), Vec::new());
            let mut writer =
                FileWriter::try_new_with_options(&mut file, &batch.schema(), options())
                    .expect("a writer");
            (0..2).for_each(|_| writer.write(&batch).expect("rows"));
            writer.finish().expect("a footer");
            drop(writer);
            let mut writer =
                StreamWriter::try_new_with_options(&mut stream, &batch.schema(), options())
                    .expect("a writer");
            (0..2).for_each(|_| writer.write(&batch).expect("rows"));
            writer.finish().expect("an end");
            drop(writer);
            all.extend([file, stream]);
        }
        all
    })
}

fuzz_target!(init: hitherto_fuzz::only_our_panics_count(), |data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let content = match good().get(usize::from(choice & 7)) {
        None => rest.to_vec(),
        Some(good) => {
            let mut content = good.clone();
            for patch in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % content.len();
                content[at] = patch[2];
            }
            if let [to] = rest.chunks_exact(3).remainder() {
                content.truncate(content.len() - usize::from(*to).min(content.len()));
            }
            content
        }
    };
    let folder = hitherto_fuzz::folder();
    let (clicks, shown) = (folder.join("hostile.arrow"), folder.join("shown.ndjson"));
    fs::write(&clicks, content).expect("room in memory");
    fs::write(&shown, SHOWN).expect("room in memory");
    let mut ask = Ask::from(JobKind::Sequences);
    if let Ask::Sequences(own) = &mut ask
        && choice >> 3 & 1 == 1
    {
        // The texts of a dictionary are looked at, too.
        for source in own.actions.iter_mut().filter(|source| source.source == Source::Clicks) {
            source.only = vec![("kind".to_owned(), vec!["web".to_owned()])];
        }
    }
    let settings = Settings {
        ask,
        allow_unused: true,
        paths: vec![(Source::Impressions, shown.display().to_string()), (Source::Clicks, clicks.display().to_string())],
        ..Settings::default()
    };
    drop(hitherto_fuzz::run(settings));
});
