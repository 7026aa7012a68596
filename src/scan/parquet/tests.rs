//! Files are read as by arrow's own reader, and damage to any byte is at most an error.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int32Array, Int32Builder, Int64Array, ListBuilder,
    RecordBatch, StringArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};

use super::{NotPlain, ParquetFile, ParquetGroups, Plain, PlainChunk, PlainColumn, Raw};
use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::ids::{count64, index64};
use crate::job::{Format, Source};
use crate::scan::GroupRows;

/// Rows with nulls, repeated texts, lists of different lengths.
fn rows(count: i32) -> RecordBatch {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..count {
        for item in 0..row % 7 {
            lists
                .values()
                .append_option((item != 3).then_some(row + item));
        }
        lists.append(row % 5 != 4);
    }
    let all = || 0..count;
    let texts = all().map(|row| (row % 3 != 1).then(|| format!("a text, number {}", row % 20)));
    let columns: [(&str, ArrayRef); 5] = [
        (
            "int",
            Arc::new(Int32Array::from_iter_values(all().map(|row| row * 31 % 17))),
        ),
        (
            "wide",
            Arc::new(Int64Array::from_iter(
                all().map(|row| (row % 4 > 0).then_some(i64::from(row))),
            )),
        ),
        ("text", Arc::new(StringArray::from_iter(texts))),
        (
            "bytes",
            Arc::new(BinaryArray::from_iter_values(
                all().map(|row| row.to_le_bytes()),
            )),
        ),
        ("lists", Arc::new(lists.finish())),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

/// The settings of writers: codecs, versions, dictionaries, page sizes, encodings.
fn writer_settings() -> Vec<WriterProperties> {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ];
    let mut all = Vec::new();
    for codec in codecs {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for dictionary in [true, false] {
                for page_rows in [13, 10_000] {
                    let settings = WriterProperties::builder()
                        .set_compression(codec)
                        .set_writer_version(version)
                        .set_dictionary_enabled(dictionary)
                        .set_data_page_row_count_limit(page_rows)
                        .set_write_batch_size(13)
                        .set_max_row_group_row_count(Some(700));
                    all.push(settings.build());
                }
            }
        }
    }
    // A dictionary that is full after some pages; the others are plain.
    let settings = WriterProperties::builder()
        .set_dictionary_page_size_limit(64)
        .set_data_page_row_count_limit(13)
        .set_write_batch_size(13);
    all.push(settings.build());
    for encoding in [
        Encoding::DELTA_BYTE_ARRAY,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
    ] {
        let settings = WriterProperties::builder().set_dictionary_enabled(false);
        all.push(
            settings
                .set_column_encoding("text".into(), encoding)
                .build(),
        );
    }
    all
}

/// The bytes of a file with these rows.
fn written(batch: &RecordBatch, settings: WriterProperties) -> Vec<u8> {
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(settings)).expect("a writer");
    writer.write(batch).expect("rows");
    writer.into_inner().expect("a footer")
}

/// The file of a path.
fn file_at(path: &Path) -> InputFile {
    InputFile {
        source: Source::Clicks,
        path: path.to_owned(),
        shown: "file".to_owned(),
        day: None,
        is_of_no_day: false,
        whole: Arc::default(),
        nulls: crate::catalog::null_words::NullWords::default(),
        settings: Arc::default(),
        spooled: None,
        share: None,
    }
}

/// All rows of a file, in one or more batches per row group.
fn read(path: &Path) -> Result<Vec<RecordBatch>> {
    let file = ParquetFile::open(&file_at(path), Format::Parquet)?;
    let all = file.select(|_| true);
    let (mut batches, mut rows) = (Vec::new(), 1);
    for at in 0..file.row_groups().len() {
        file.read(at, &all, |first_row, batch| {
            assert_eq!(first_row, rows);
            rows += count64(batch.num_rows());
            batches.push(batch.clone());
            Ok(())
        })?;
    }
    assert_eq!(rows - 1, file.rows_count());
    Ok(batches)
}

/// Some rows of the first row group of a file.
fn read_rows(path: &Path, start: u64, end: u64) -> RecordBatch {
    let file = ParquetFile::open(&file_at(path), Format::Parquet).expect("a good file");
    let (mut batches, mut next) = (Vec::new(), start + 1);
    let rows = GroupRows {
        group: 0,
        start,
        end,
    };
    let read = file.read_rows(rows, &file.select(|_| true), |first_row, batch| {
        assert_eq!(first_row, next);
        next += count64(batch.num_rows());
        batches.push(batch.clone());
        Ok(())
    });
    read.expect("a good file");
    concat_batches(&batches[0].schema(), &batches).expect("one schema")
}

/// A column without views.
fn plain(column: &ArrayRef) -> ArrayRef {
    let to = match column.data_type() {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    };
    cast(column, &to).expect("they hold the same")
}

#[test]
fn pages_are_read_as_arrows_own_reader_reads_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.parquet");
    let batch = rows(1500);
    for settings in writer_settings() {
        let name = format!("{settings:?}");
        std::fs::write(&path, written(&batch, settings)).expect("room on the disk");
        let file = std::fs::File::open(&path).expect("it was written");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a file");
        let reader = reader.build().expect("a reader");
        let theirs: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
        let theirs = concat_batches(&theirs[0].schema(), &theirs).expect("one schema");
        let ours = read(&path).expect("a good file");
        let ours = concat_batches(&ours[0].schema(), &ours).expect("one schema");
        for (ours, theirs) in ours.columns().iter().zip(theirs.columns()) {
            assert_eq!(&plain(ours), &plain(theirs), "{name}");
        }
        for (start, end) in [(1, 40), (13, 26), (300, 700)] {
            let some = read_rows(&path, start, end);
            let whole = theirs.slice(index64(start), index64(end - start));
            for (ours, theirs) in some.columns().iter().zip(whole.columns()) {
                assert_eq!(&plain(ours), &plain(theirs), "{start} to {end}, {name}");
            }
        }
    }
}

#[test]
fn texts_of_a_dictionary_can_be_read_as_its_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.parquet");
    let batch = rows(100);
    for (dictionary, is_coded) in [(true, true), (false, false)] {
        let settings = WriterProperties::builder().set_dictionary_enabled(dictionary);
        std::fs::write(&path, written(&batch, settings.build())).expect("room on the disk");
        let file = ParquetFile::open(&file_at(&path), Format::Parquet).expect("a good file");
        let file = file.with_dictionaries(0, &["text"]);
        let columns = file.select(|path| path == ["text"]);
        let read = file.read(0, &columns, |_, rows| {
            let texts = rows.column(0);
            assert_eq!(
                matches!(texts.data_type(), DataType::Dictionary(_, _)),
                is_coded
            );
            let texts = cast(texts, &DataType::Utf8).expect("texts");
            assert_eq!(&texts, batch.column(2));
            Ok(())
        });
        read.expect("a good file");
    }
}

/// Columns without nulls, the first of which may have them; keys of a dictionary take `bits` bits.
fn plain_rows(count: i32, bits: u32) -> RecordBatch {
    let ids = move || {
        (0..count).map(move |row| {
            // In runs here and there, so that both kinds of runs occur.
            let row = if row / 50 % 3 == 0 { row / 50 } else { row };
            row.wrapping_mul(0x9e37) & ((1 << bits) - 1)
        })
    };
    let optional = Int32Array::from_iter(ids().map(Some));
    let wide = Int64Array::from_iter_values(ids().map(|id| i64::from(id) << 20));
    let texts = StringArray::from_iter_values(ids().map(|id| format!("id {id}")));
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("optional", Arc::new(optional), true),
        ("wide", Arc::new(wide), false),
        ("text", Arc::new(texts), false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

/// Some values of a column that is read as plain ones, as texts.
fn plain_values_of(chunk: PlainChunk, rows: Range<usize>) -> Plain<Vec<String>> {
    let (mut all, mut some) = (Vec::new(), Vec::new());
    // A dictionary of places among all that was made, as values have to be copied.
    let mut made: Vec<String> = Vec::new();
    let mut column = PlainColumn::default();
    column.start(chunk, count64(rows.start));
    let mut left = rows.len();
    while left > 0 {
        // No whole groups of eight keys.
        let count = left.min(77);
        column.read(count, &mut some, &mut |raw, places: &mut Vec<usize>| {
            let first = made.len();
            match raw {
                Raw::Ints(ints) => made.extend(ints.iter().map(i64::to_string)),
                Raw::Texts(texts, _) => made.extend(
                    texts
                        .iter()
                        .map(|text| String::from_utf8_lossy(text).into_owned()),
                ),
            }
            places.extend(first..made.len());
        })?;
        all.extend(some.iter().map(|place| made[*place].clone()));
        left -= count;
    }
    Ok(all)
}

#[test]
fn plain_values_are_those_of_arrow() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.parquet");
    let mut read = 0;
    for (settings, bits) in writer_settings()
        .into_iter()
        .zip([1, 3, 8, 11, 13].into_iter().cycle())
    {
        let batch = plain_rows(3000, bits);
        std::fs::write(&path, written(&batch, settings)).expect("room on the disk");
        let file = ParquetFile::open(&file_at(&path), Format::Parquet).expect("a good file");
        for (name, expected) in ["optional", "wide", "text"]
            .into_iter()
            .zip(batch.columns())
        {
            // Texts beside a dictionary are left to arrow, and so are seldom encodings.
            let rows = usize::try_from(file.row_groups()[0]).expect("small");
            let expected = cast(expected, &DataType::Utf8).expect("texts");
            // From the first row on, from some within pages, and from one at the end of a page of 13.
            for start in [0, 1, 13, 300, rows - 1] {
                let Some([chunk]) = file.plain_chunks(0, [name]) else {
                    assert_eq!(name, "text");
                    continue;
                };
                let Ok(found) = plain_values_of(chunk, start..rows) else {
                    continue;
                };
                let expected = expected.as_string::<i32>().iter().flatten();
                let expected = expected.take(rows).skip(start);
                assert!(
                    expected.eq(found.iter().map(String::as_str)),
                    "{name} from {start}"
                );
                read += 1;
            }
        }
    }
    assert!(read > 50, "{read}");
}

#[test]
fn a_null_is_not_plain() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.parquet");
    let settings = WriterProperties::builder().build();
    std::fs::write(&path, written(&rows(100), settings)).expect("room on the disk");
    let file = ParquetFile::open(&file_at(&path), Format::Parquet).expect("a good file");
    let [chunk] = file.plain_chunks(0, ["wide"]).expect("integers");
    assert_eq!(plain_values_of(chunk, 0..100), Err(NotPlain));
    assert!(file.plain_chunks(0, ["lists"]).is_none());
    let [chunk] = file.plain_chunks(0, ["int"]).expect("integers");
    assert_eq!(
        plain_values_of(chunk, 0..100).map(|values| values.len()),
        Ok(100)
    );
}

#[test]
fn no_damage_to_a_byte_is_more_than_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.parquet");
    let batch = rows(20);
    let all = writer_settings();
    let (mut errors, mut tried) = (0, 0);
    for settings in [5, 18, 34, 40] {
        let good = written(&batch, all[settings].clone());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= [0x01, 0x80, 0xff, 0x10][at % 4];
            std::fs::write(&path, &bad).expect("room on the disk");
            let read = catch_unwind(AssertUnwindSafe(|| read(&path)));
            errors += usize::from(read.expect("no panic comes through").is_err());
            tried += 1;
        }
    }
    // Most bytes are values or statistics, where any other byte is valid, too.
    assert!(errors > tried / 5, "{errors} of {tried}");
}

#[test]
fn a_damaged_column_is_named_with_its_row_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.parquet");
    let settings = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(50));
    let mut bytes = written(&rows(100), settings.build());
    std::fs::write(&path, &bytes).expect("room on the disk");
    let file = ParquetGroups::open(&file_at(&path)).expect("a good file");
    let chunk = file.row_groups()[1].column(1);
    let start = usize::try_from(chunk.data_page_offset()).expect("in the file");
    bytes[start..start + 40].fill(0xff);
    std::fs::write(&path, &bytes).expect("room on the disk");
    let error = read(&path).expect_err("it is damaged").to_string();
    let expected = "could not read \"file\": column \"wide\" of row group 1 is damaged: ";
    assert!(error.starts_with(expected), "{error}");
}
