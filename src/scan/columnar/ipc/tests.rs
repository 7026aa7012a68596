//! Files and streams are read as arrow's own readers read them, and damage to any byte is at most an error.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, StructArray, TimestampSecondArray,
    UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Fields, Int8Type, Schema};
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow::ipc::{CompressionType, MetadataVersion};

use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::job::{Format, Source};
use crate::scan::columnar::ColumnarFile;
use crate::scan::parquet::BATCH_ROWS;

/// Rows of every type that is turned into another, with nulls; the texts of a dictionary begin with `word`.
fn rows(from: i32, count: i32, word: &str) -> RecordBatch {
    let all = || from..from + count;
    let text = |row: i32| (row % 3 != 1).then(|| format!("a text, number {}", row % 20));
    let texts = StringArray::from_iter(all().map(text));
    let words = all().map(|row| (row % 4 > 0).then(|| format!("{word}{}", row % 5)));
    let words: DictionaryArray<Int8Type> = words
        .collect::<Vec<_>>()
        .iter()
        .map(Option::as_deref)
        .collect();
    let lengths: Vec<usize> = all()
        .map(|row| usize::try_from(row % 4).expect("small"))
        .collect();
    let inside: i32 = lengths
        .iter()
        .map(|length| i32::try_from(*length).expect("small"))
        .sum();
    let items = LargeStringArray::from_iter((0..inside).map(text));
    let labels = BooleanArray::from_iter((0..inside).map(|at| (at % 5 > 0).then_some(at % 2 == 0)));
    let fields: Fields = vec![
        Field::new("item_id", DataType::LargeUtf8, true),
        Field::new("is_order", DataType::Boolean, true),
    ]
    .into();
    let shown = StructArray::new(fields, vec![Arc::new(items), Arc::new(labels)], None);
    let element = Arc::new(Field::new_list_field(shown.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let shown = ListArray::new(element, offsets, Arc::new(shown), None);
    let large = DataType::LargeList(Arc::new(Field::new_list_field(shown.value_type(), true)));
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("int", Arc::new(Int32Array::from_iter_values(all())), false),
        (
            "wide",
            Arc::new(Int64Array::from_iter(
                all().map(|row| (row % 4 > 0).then_some(row.into())),
            )),
            true,
        ),
        (
            "huge",
            Arc::new(UInt64Array::from_iter_values(
                all().map(|row| u64::MAX - row.unsigned_abs() as u64),
            )),
            true,
        ),
        (
            "at",
            Arc::new(
                TimestampSecondArray::from_iter_values(all().map(i64::from))
                    .with_timezone("Europe/Berlin"),
            ),
            true,
        ),
        ("text", Arc::new(texts.clone()), true),
        (
            "large",
            cast(&texts, &DataType::LargeUtf8).expect("texts"),
            true,
        ),
        (
            "view",
            cast(&texts, &DataType::Utf8View).expect("texts"),
            true,
        ),
        ("word", Arc::new(words), true),
        ("lists", Arc::new(shown.clone()), true),
        ("large lists", cast(&shown, &large).expect("lists"), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

/// Ways to write.
fn ways() -> Vec<(bool, Option<CompressionType>, usize)> {
    let mut all = Vec::new();
    for is_file in [true, false] {
        for packed in [
            None,
            Some(CompressionType::LZ4_FRAME),
            Some(CompressionType::ZSTD),
        ] {
            for rows in [7, 100_000] {
                all.push((is_file, packed, rows));
            }
        }
    }
    all
}

/// The bytes of a file or a stream of batches.
fn written(batches: &[RecordBatch], is_file: bool, options: IpcWriteOptions) -> Vec<u8> {
    let (mut bytes, schema) = (Vec::new(), batches[0].schema());
    if is_file {
        let mut writer =
            FileWriter::try_new_with_options(&mut bytes, &schema, options).expect("a writer");
        batches
            .iter()
            .for_each(|batch| writer.write(batch).expect("rows"));
        writer.finish().expect("a footer");
    } else {
        let mut writer =
            StreamWriter::try_new_with_options(&mut bytes, &schema, options).expect("a writer");
        batches
            .iter()
            .for_each(|batch| writer.write(batch).expect("rows"));
        writer.finish().expect("an end");
    }
    bytes
}

/// A batch in pieces.
fn cut(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(rows);
    starts
        .map(|at| batch.slice(at, rows.min(batch.num_rows() - at)))
        .collect()
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

/// Some columns of a file, by name.
fn read(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<RecordBatch>> {
    let file = ColumnarFile::open(&file_at(path), Format::Arrow)?;
    let columns = file.select(|path| wanted(&path[0]));
    let (mut batches, mut rows) = (Vec::new(), 1);
    for at in 0..file.row_groups().len() {
        file.read(at, &columns, |first_row, batch| {
            assert_eq!(first_row, rows);
            assert!(batch.num_rows() <= BATCH_ROWS);
            rows += crate::ids::count64(batch.num_rows());
            batches.push(batch.clone());
            Ok(())
        })?;
    }
    assert_eq!(rows - 1, file.rows_count());
    Ok(batches)
}

/// All rows of a file in one batch.
fn whole(path: &Path) -> RecordBatch {
    let batches = read(path, |_| true).expect("a good file");
    concat_batches(&batches[0].schema(), &batches).expect("one schema")
}

/// Checks that two batches hold the same, in types that may differ.
fn assert_same(ours: &RecordBatch, theirs: &RecordBatch) {
    for (field, theirs) in theirs.schema().fields().iter().zip(theirs.columns()) {
        let ours = ours.column_by_name(field.name()).expect("it is there");
        let theirs = cast(theirs, ours.data_type()).expect("the same type or one for the same");
        assert_eq!(ours, &theirs, "{}", field.name());
    }
}

#[test]
fn batches_hold_what_arrows_own_readers_give() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    // The lists of one row are empty, and their buffers without bytes lie at the end of the body.
    let batches = [rows(0, 500, "w"), rows(0, 1, "w")];
    let ways = batches
        .iter()
        .flat_map(|batch| ways().into_iter().map(move |way| (batch, way)));
    for (batch, (is_file, packed, rows)) in ways {
        let options = IpcWriteOptions::default()
            .try_with_compression(packed)
            .expect("a codec");
        let bytes = written(&cut(batch, rows), is_file, options);
        std::fs::write(&path, &bytes).expect("room on the disk");
        let theirs: Vec<RecordBatch> = if is_file {
            let reader = FileReader::try_new(Cursor::new(bytes), None).expect("a file");
            reader.map(|batch| batch.expect("rows")).collect()
        } else {
            let reader = StreamReader::try_new(Cursor::new(bytes), None).expect("a stream");
            reader.map(|batch| batch.expect("rows")).collect()
        };
        let theirs = concat_batches(&theirs[0].schema(), &theirs).expect("one schema");
        assert_same(&whole(&path), &theirs);
        // Single columns, so that what lies between them in the body is not read.
        for name in ["wide", "word", "large lists"] {
            let batches = read(&path, |column| column == name).expect("a good file");
            assert_eq!(batches[0].num_columns(), 1);
            let ours = concat_batches(&batches[0].schema(), &batches).expect("one schema");
            let at = theirs.schema().index_of(name).expect("it is there");
            assert_same(&ours, &theirs.project(&[at]).expect("it is there"));
        }
    }
}

#[test]
fn columns_have_the_types_that_parquet_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    let bytes = written(&[rows(0, 9, "w")], true, IpcWriteOptions::default());
    std::fs::write(&path, bytes).expect("room on the disk");
    let batch = whole(&path);
    let schema = batch.schema();
    let of = |name: &str| {
        schema
            .field_with_name(name)
            .expect("it is there")
            .data_type()
    };
    for name in ["text", "large", "view", "word"] {
        assert_eq!(*of(name), DataType::Utf8View, "{name}");
    }
    for name in ["lists", "large lists"] {
        let DataType::List(element) = of(name) else {
            panic!("{name} is {}", of(name));
        };
        let DataType::Struct(fields) = element.data_type() else {
            panic!("{name} holds {element}");
        };
        assert_eq!(*fields[0].data_type(), DataType::Utf8);
    }
    assert_eq!(*of("huge"), DataType::UInt64);
}

#[test]
fn a_long_record_batch_is_handed_out_in_pieces_with_their_own_lists() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    let batch = rows(0, 20_000, "w");
    std::fs::write(
        &path,
        written(
            std::slice::from_ref(&batch),
            false,
            IpcWriteOptions::default(),
        ),
    )
    .expect("room on the disk");
    let batches = read(&path, |_| true).expect("a good file");
    assert_eq!(batches.len(), 3);
    for batch in &batches {
        let lists = batch
            .column_by_name("lists")
            .expect("it is there")
            .as_list::<i32>();
        assert_eq!(lists.value_offsets()[0], 0);
        assert_eq!(
            i32::try_from(lists.values().len()).ok(),
            lists.value_offsets().last().copied()
        );
    }
    assert_same(&whole(&path), &batch);
}

#[test]
fn dictionaries_that_change_within_a_stream_hold_for_the_rows_behind_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrows");
    let replaced = [rows(0, 50, "a"), rows(50, 60, "b"), rows(110, 1, "c")];
    let words = |texts: &[&str]| -> RecordBatch {
        let keys = (0..texts.len()).map(|at| i8::try_from(at).ok());
        let keys: Vec<Option<i8>> = keys.collect();
        let words = DictionaryArray::<Int8Type>::new(
            keys.into(),
            Arc::new(StringArray::from(texts.to_vec())),
        );
        RecordBatch::try_from_iter([("word", Arc::new(words) as ArrayRef)]).expect("a batch")
    };
    let added = [words(&["x"]), words(&["x", "y"]), words(&["x", "y", "z"])];
    for (batches, handling) in [
        (&replaced, DictionaryHandling::Resend),
        (&added, DictionaryHandling::Delta),
    ] {
        let options = IpcWriteOptions::default().with_dictionary_handling(handling);
        std::fs::write(&path, written(batches, false, options)).expect("room on the disk");
        let ours = whole(&path);
        let mut from = 0;
        for batch in batches {
            assert_same(&ours.slice(from, batch.num_rows()), batch);
            from += batch.num_rows();
        }
    }
}

#[test]
fn no_damage_to_a_byte_is_more_than_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    let (mut errors, mut tried) = (0, 0);
    for (is_file, packed, rows_max) in ways() {
        let options = IpcWriteOptions::default()
            .try_with_compression(packed)
            .expect("a codec");
        let good = written(&cut(&rows(0, 12, "w"), rows_max), is_file, options);
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= [0x01, 0x80, 0xff, 0x10][at % 4];
            std::fs::write(&path, &bad).expect("room on the disk");
            let read = catch_unwind(AssertUnwindSafe(|| read(&path, |_| true)));
            errors += usize::from(read.expect("no panic comes through").is_err());
            tried += 1;
        }
    }
    // Most bytes are padding, values or names.
    assert!(errors > tried / 20, "{errors} of {tried}");
}

#[test]
fn what_is_cut_short_or_goes_on_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    for is_file in [true, false] {
        let good = written(
            &cut(&rows(0, 12, "w"), 5),
            is_file,
            IpcWriteOptions::default(),
        );
        for length in 0..good.len() {
            std::fs::write(&path, &good[..length]).expect("room on the disk");
            assert!(read(&path, |_| true).is_err(), "{length} of {}", good.len());
        }
        std::fs::write(&path, [&good[..], &good].concat()).expect("room on the disk");
        if !is_file {
            let error = read(&path, |_| true).expect_err("two of them").to_string();
            assert!(error.contains("behind its end marker"), "{error}");
        }
    }
}

#[test]
fn deep_schemas_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    for (depth, is_read) in [(20, true), (64, false), (200, false)] {
        let mut field = Field::new("leaf", DataType::Int32, true);
        for _ in 0..depth {
            field = Field::new("g", DataType::Struct(vec![field].into()), true);
        }
        let schema = Arc::new(Schema::new(vec![
            Field::new("int", DataType::Int32, true),
            field,
        ]));
        let batch = RecordBatch::new_empty(schema);
        for is_file in [true, false] {
            let bytes = written(
                std::slice::from_ref(&batch),
                is_file,
                IpcWriteOptions::default(),
            );
            std::fs::write(&path, bytes).expect("room on the disk");
            assert_eq!(read(&path, |_| true).is_ok(), is_read, "{depth} {is_file}");
        }
    }
}

#[test]
fn older_metadata_are_read_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.arrow");
    let batch = rows(0, 9, "w");
    for is_legacy in [true, false] {
        let options = IpcWriteOptions::try_new(8, is_legacy, MetadataVersion::V4).expect("options");
        std::fs::write(&path, written(std::slice::from_ref(&batch), true, options))
            .expect("room on the disk");
        assert_same(&whole(&path), &batch);
    }
}
