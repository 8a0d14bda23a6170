//! Parquet as other engines write it: their types of text and number, encodings, compressions.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, UInt8Array, UInt32Array, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};

use crate::bad_input::{assert_says, import_month, quarantined};
use crate::support::{Database, Desk, Said, json, program};

/// Six rows of usage; the last stands for the same listener and recording as the first.
const LISTENERS: [&str; 6] = ["7", "7", "12", "12", "900", "7"];
const RECORDINGS: [&str; 6] = ["x::A", "x::B", "x::A", "x::C", "x::B", "x::A"];
const PLAYS: [u8; 6] = [3, 1, 4, 15, 9, 2];

/// The rows as CSV, `listener,recording,plays`.
fn csv() -> String {
    let rows = LISTENERS.iter().zip(RECORDINGS).zip(PLAYS);
    let rows: Vec<String> = rows.map(|((l, r), plays)| format!("{l},{r},{plays}\n")).collect();
    format!("listener,recording,plays\n{}", rows.concat())
}

fn write(path: &Path, columns: &[(&str, ArrayRef)], properties: WriterPropertiesBuilder) {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn text(values: [&str; 6]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn plays<T: From<u8>>() -> impl Iterator<Item = T> {
    PLAYS.into_iter().map(T::from)
}

/// The same rows in the types that engines have for them: listener, recording, plays.
fn typed() -> Vec<(&'static str, [ArrayRef; 3])> {
    let numbers = LISTENERS.map(|listener| listener.parse::<i64>().unwrap());
    let large =
        |values: [&str; 6]| -> ArrayRef { Arc::new(LargeStringArray::from_iter_values(values)) };
    let view =
        |values: [&str; 6]| -> ArrayRef { Arc::new(StringViewArray::from_iter_values(values)) };
    let categories =
        || -> ArrayRef { Arc::new(DictionaryArray::<Int32Type>::from_iter(RECORDINGS)) };
    let polars_categories = || -> ArrayRef {
        let keys = UInt32Array::from(vec![0, 1, 0, 2, 1, 0]);
        let values = Arc::new(LargeStringArray::from_iter_values(["x::A", "x::B", "x::C"]));
        Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, values).unwrap())
    };
    vec![
        (
            "text and 64 bit",
            [text(LISTENERS), text(RECORDINGS), Arc::new(Int64Array::from_iter_values(plays()))],
        ),
        (
            "large text and 32 bit",
            [large(LISTENERS), large(RECORDINGS), Arc::new(Int32Array::from_iter_values(plays()))],
        ),
        (
            "views and unsigned 32 bit",
            [view(LISTENERS), view(RECORDINGS), Arc::new(UInt32Array::from_iter_values(plays()))],
        ),
        (
            "categories and 8 bit",
            [text(LISTENERS), categories(), Arc::new(UInt8Array::from_iter_values(PLAYS))],
        ),
        (
            "other categories and 16 bit",
            [
                large(LISTENERS),
                polars_categories(),
                Arc::new(Int16Array::from_iter_values(plays())),
            ],
        ),
        (
            "numbered listeners and unsigned 64 bit",
            [
                Arc::new(Int64Array::from_iter_values(numbers)),
                text(RECORDINGS),
                Arc::new(UInt64Array::from_iter_values(plays())),
            ],
        ),
        (
            "doubles, as sums of wide numbers are written",
            [text(LISTENERS), text(RECORDINGS), Arc::new(Float64Array::from_iter_values(plays()))],
        ),
        (
            "decimals without decimals",
            [
                text(LISTENERS),
                text(RECORDINGS),
                Arc::new(
                    Decimal128Array::from_iter_values(plays())
                        .with_precision_and_scale(38, 0)
                        .unwrap(),
                ),
            ],
        ),
    ]
}

/// The ways to write a file.
fn written() -> Vec<(&'static str, WriterPropertiesBuilder)> {
    let compressed = |compression| WriterProperties::builder().set_compression(compression);
    let plain = WriterProperties::builder;
    vec![
        ("uncompressed", compressed(Compression::UNCOMPRESSED)),
        ("snappy", compressed(Compression::SNAPPY)),
        ("zstd", compressed(Compression::ZSTD(ZstdLevel::default()))),
        ("gzip", compressed(Compression::GZIP(GzipLevel::default()))),
        ("lz4", compressed(Compression::LZ4_RAW)),
        ("pages of version 2", plain().set_writer_version(WriterVersion::PARQUET_2_0)),
        ("no dictionaries", plain().set_dictionary_enabled(false)),
        ("deltas", {
            let plain = plain().set_writer_version(WriterVersion::PARQUET_2_0);
            let plain = plain.set_dictionary_enabled(false);
            plain
                .set_column_encoding("listener".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                .set_column_encoding("recording".into(), Encoding::DELTA_BYTE_ARRAY)
                .set_column_encoding("plays".into(), Encoding::DELTA_BINARY_PACKED)
        }),
        ("row groups of two rows", plain().set_max_row_group_row_count(Some(2))),
    ]
}

fn named([listener, recording, plays]: &[ArrayRef; 3]) -> Vec<(&'static str, ArrayRef)> {
    vec![("listener", listener.clone()), ("recording", recording.clone()), ("plays", plays.clone())]
}

/// Every way to write the rows, as files of a folder.
fn variants(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut variant = |name: &str, columns: &[(&str, ArrayRef)], properties| {
        write(&folder.join(name), columns, properties);
        names.push(name.to_owned());
    };
    for (name, columns) in typed() {
        variant(&format!("{name}.parquet"), &named(&columns), WriterProperties::builder());
    }
    for (name, properties) in written() {
        variant(&format!("{name}.parquet"), &named(&typed()[0].1), properties);
    }
    names
}

fn allocate(folder: &Path, usage: &[&str]) -> Said {
    let mut command = program();
    command.args(["allocate", "--amount", "10.00", "--currency", "EUR"]).current_dir(folder);
    command.args(["--model", "user_centric", "--usage"]).args(usage);
    command.output().unwrap().into()
}

#[test]
fn allocate_reads_any_engines_file_as_the_csv() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("u.csv"), csv()).unwrap();
    let expected = allocate(folder.path(), &["u.csv"]).ok();
    for name in variants(folder.path()) {
        assert_eq!(allocate(folder.path(), &[&name]).ok(), expected, "{name}");
    }
}

const FLAGS: [&str; 8] =
    ["--period", "2026-10", "--service", "cloud", "--offer", "svip", "--territory", "CN"];

/// A month without usage, in which `cloud` earned something in CN.
fn month() -> Desk {
    let desk = Desk::new(Database::Sqlite).unwrap();
    import_month(&desk);
    desk.run(&["withdraw", "usage.csv"]).ok();
    desk
}

fn import(desk: &Desk, paths: &[&str]) -> Said {
    desk.run(&[&["import", "usage"], paths, &FLAGS].concat())
}

#[test]
fn a_month_is_the_same_whatever_engine_wrote_its_usage() {
    let desk = month();
    desk.file("u.csv", &csv());
    import(&desk, &["u.csv"]).ok();
    let expected = desk.close("2026-10");
    let mut batch = "u.csv".to_owned();
    for name in variants(desk.dir()) {
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "another file"]).ok();
        desk.run(&["withdraw", &batch]).ok();
        assert_says(&import(&desk, &[&name]).ok(), "took 6 rows");
        assert_eq!(desk.close("2026-10"), expected, "{name}");
        batch = name;
    }
}

/// The rows in two files of different types, of two and of four rows.
fn in_two(folder: &Path, names: [&str; 2]) {
    let slice = |columns: &[ArrayRef; 3], from, rows| {
        let columns = columns.clone().map(|column| column.slice(from, rows));
        named(&columns)
    };
    let typed = typed();
    write(&folder.join(names[0]), &slice(&typed[0].1, 0, 2), WriterProperties::builder());
    write(&folder.join(names[1]), &slice(&typed[2].1, 2, 4), WriterProperties::builder());
}

#[test]
fn a_folder_of_part_files_is_read_as_one_file() {
    let desk = month();
    desk.file("u.csv", &csv());
    import(&desk, &["u.csv"]).ok();
    let expected = desk.close("2026-10");
    desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "the same in parts"]).ok();
    desk.run(&["withdraw", "u.csv"]).ok();

    std::fs::create_dir(desk.dir().join("october")).unwrap();
    in_two(&desk.dir().join("october"), ["part-00000.parquet", "part-00001.snappy.parquet"]);
    desk.file("october/_SUCCESS", "");
    desk.file("october/.part-00000.parquet.crc", "crc");
    let allocated = allocate(desk.dir(), &["u.csv"]).ok();
    assert_eq!(allocate(desk.dir(), &["october"]).ok(), allocated);
    assert_says(&import(&desk, &["october"]).ok(), "october: took 6 rows");
    assert_eq!(desk.close("2026-10"), expected);
    assert_says(&import(&desk, &["october"]).ok(), "already imported as october");

    desk.file("october/part-00002.csv", "listener,recording,plays\n8,x::A,-1\n");
    let said = allocate(desk.dir(), &["october"]).refused();
    assert_says(&said, "october/part-00002.csv:2:3: plays: \"-1\": plays cannot be negative");
}

#[test]
fn several_files_are_batches_whose_plays_are_added() {
    let desk = month();
    desk.file("u.csv", &csv());
    import(&desk, &["u.csv"]).ok();
    let expected = desk.close("2026-10");
    desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "the same in two files"]).ok();
    desk.run(&["withdraw", "u.csv"]).ok();
    in_two(desk.dir(), ["one.parquet", "two.parquet"]);
    let said = import(&desk, &["one.parquet", "two.parquet"]).ok();
    assert_says(&said, "one.parquet: took 2 rows");
    assert_says(&said, "two.parquet: took 4 rows");
    assert_eq!(desk.close("2026-10"), expected);
}

#[test]
fn the_pool_and_optional_counts_may_be_columns_with_nothing_in_some_rows() {
    let desk = month();
    let same = |value: &str| text([value; 6]);
    let active: Int64Array = [Some(1), None, Some(0), Some(15), None, None].into_iter().collect();
    let columns = [
        ("offer", same("svip")),
        ("period", same("2026-10")),
        ("territory", same("CN")),
        ("plays", Arc::new(Int64Array::from_iter_values(plays()))),
        ("active_plays", Arc::new(active)),
        ("service", same("cloud")),
        ("recording", text(RECORDINGS)),
        ("listener", text(LISTENERS)),
    ];
    write(&desk.dir().join("u.parquet"), &columns, WriterProperties::builder());
    assert_says(&desk.run(&["import", "usage", "u.parquet"]).ok(), "took 6 rows");
    let status = json(&desk.run(&["status", "--format", "json"]).ok());
    assert_eq!(status["months"]["2026-10"]["plays"], 34);
}

#[test]
fn a_bad_row_of_a_parquet_file_is_named_by_its_number_and_the_others_are_taken() {
    let desk = month();
    let listeners: StringArray =
        [Some("7"), None, Some("12"), Some("13"), Some("14")].into_iter().collect();
    let recordings: StringArray =
        [Some("x::A"), Some("x::A"), Some("x::A"), None, Some("x::B")].into_iter().collect();
    let plays: Float64Array =
        [Some(3.0), Some(1.0), Some(2.5), Some(1.0), Some(-4.0)].into_iter().collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("listener", Arc::new(listeners)),
        ("recording", Arc::new(recordings)),
        ("plays", Arc::new(plays)),
    ];
    let two_rows = WriterProperties::builder().set_max_row_group_row_count(Some(2));
    write(&desk.dir().join("u.parquet"), &columns, two_rows);
    let said = import(&desk, &["u.parquet"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_says(&said.stdout, "took 1 row, 4 in quarantine");
    for words in [
        "u.parquet:2:",
        "listener: empty",
        "u.parquet:3:",
        "plays: a float that is not whole",
        "u.parquet:4:",
        "recording: empty",
        "u.parquet:5:",
        "plays cannot be negative",
    ] {
        assert_says(&said.stderr, words);
    }
    let lines: Vec<i64> =
        quarantined(&desk).iter().map(|row| row["line"].as_i64().unwrap()).collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    assert_says(&allocate(desk.dir(), &["u.parquet"]).refused(), "u.parquet:2:");
}

#[test]
fn sealed_files_of_a_folder_are_allocated_and_not_beside_others() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    desk.file("u.csv", &csv());
    import(&desk, &["u.csv"]).ok();
    let sealed = crate::bad_input::files(&desk.dir().join("data/usage"));
    std::fs::create_dir(desk.dir().join("sealed")).unwrap();
    std::fs::copy(sealed.last().unwrap(), desk.dir().join("sealed/1.parquet")).unwrap();
    let expected = allocate(desk.dir(), &["u.csv"]).ok();
    assert_eq!(allocate(desk.dir(), &["sealed/1.parquet"]).ok(), expected);
    assert_eq!(allocate(desk.dir(), &["sealed"]).ok(), expected);
    let mixed = "sealed/1.parquet is sealed usage and u.csv is not: allocate them by themselves";
    assert_says(&allocate(desk.dir(), &["sealed", "u.csv"]).refused(), mixed);
    let said = import(&desk, &["sealed"]).refused();
    assert_says(&said, "1.parquet as Parquet: column listener cannot be read as text");
}

/// Sales of these amounts, in a file of that name.
fn sales(desk: &Desk, name: &str, amounts: ArrayRef) -> Said {
    let rows = amounts.len();
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; rows])) };
    let columns = [
        ("period", same("2026-10")),
        ("source", same("shop")),
        ("recording", same("x::A")),
        ("territory", same("CN")),
        ("channel", same("download")),
        ("quantity", same("1")),
        ("amount", amounts),
        ("currency", same("CNY")),
    ];
    write(&desk.dir().join(name), &columns, WriterProperties::builder());
    desk.run(&["import", "sales", name])
}

#[test]
fn no_amount_is_read_from_a_float_that_may_have_lost_digits() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    let bound = 2.0_f64.powi(53);
    let doubles = [35.0, 0.1, 1.25, bound - 1.0, bound, -bound, f64::NAN, 1e300, -3.0, -0.0];
    let said = sales(&desk, "d.parquet", Arc::new(Float64Array::from_iter_values(doubles)));
    // The bound less one is whole and exact, and over what an amount may be.
    assert_says(&said.stdout, "took 3 rows, 7 in quarantine");
    let fault = "7: amount: a float that is not whole or too large to be exact: write it as text \
        or as a decimal";
    for row in [2, 3, 5, 6, 7, 8] {
        assert_says(&said.stderr, &format!("d.parquet:{row}:{fault}"));
    }
    assert_says(&said.stderr, "d.parquet:4:7: amount: \"9007199254740991\"");
    let floats = [35.0, 16_777_215.0, 16_777_216.0];
    let said = sales(&desk, "f.parquet", Arc::new(Float32Array::from_iter_values(floats)));
    assert_says(&said.stdout, "took 2 rows, 1 in quarantine");
    assert_says(&said.stderr, &format!("f.parquet:3:{fault}"));
    let cents = Decimal128Array::from_iter_values([3500, 10]);
    let cents = cents.with_precision_and_scale(38, 2).unwrap();
    assert_says(&sales(&desk, "c.parquet", Arc::new(cents)).ok(), "amount 35.1");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_column() {
    let desk = month();
    let bytes: [&[u8]; 2] = [b"u1", &[0xff, 0xfe]];
    let columns: [(&str, ArrayRef); 3] = [
        ("listener", Arc::new(BinaryArray::from_iter_values(bytes))),
        ("recording", Arc::new(StringArray::from(vec!["x::A"; 2]))),
        ("plays", Arc::new(Int64Array::from(vec![1; 2]))),
    ];
    write(&desk.dir().join("u.parquet"), &columns, WriterProperties::builder());
    let said = import(&desk, &["u.parquet"]).refused();
    assert_says(&said, "cannot read u.parquet as Parquet: column listener cannot be read as text");
}

#[test]
fn a_parquet_row_over_a_mebibyte_is_one_bad_row() {
    let desk = month();
    let long = "x".repeat(1 << 20);
    let columns: [(&str, ArrayRef); 3] = [
        ("listener", Arc::new(StringArray::from(vec!["u1", &long, "u3"]))),
        ("recording", Arc::new(StringArray::from(vec!["x::A"; 3]))),
        ("plays", Arc::new(Int64Array::from(vec![1; 3]))),
    ];
    write(&desk.dir().join("u.parquet"), &columns, WriterProperties::builder());
    let said = import(&desk, &["u.parquet"]);
    assert_says(&said.stdout, "took 2 rows, 1 in quarantine");
    assert_says(&said.stderr, "u.parquet:2:1: the row is longer than 1 MiB");
}

#[test]
fn a_fact_that_no_close_could_read_back_is_a_bad_row() {
    let desk = month();
    let artists = vec!["mei"; 200_000].join("|");
    let columns: [(&str, ArrayRef); 3] = [
        ("recording", Arc::new(StringArray::from(vec!["x::A", "x::C"]))),
        ("title", Arc::new(StringArray::from(vec!["Anchor", "Chorus"]))),
        ("artist", Arc::new(StringArray::from(vec!["mei", &artists]))),
    ];
    write(&desk.dir().join("r.parquet"), &columns, WriterProperties::builder());
    let said = desk.run(&["import", "recordings", "r.parquet"]);
    assert_says(&said.stderr, "r.parquet:2:1: the row is longer than 512 KiB");
    desk.file("u.csv", &csv());
    import(&desk, &["u.csv"]).ok();
    desk.close("2026-10");
}

#[test]
fn facts_of_other_engines_are_read_too() {
    let desk = Desk::new(Database::Sqlite).unwrap();
    let columns: [(&str, ArrayRef); 3] = [
        ("party", Arc::new(StringViewArray::from_iter_values(["mei", "label"]))),
        ("name", Arc::new(LargeStringArray::from_iter_values(["Mei", "Label North"]))),
        ("country", Arc::new([Some("CN"), None].into_iter().collect::<StringArray>())),
    ];
    write(&desk.dir().join("p.parquet"), &columns, WriterProperties::builder());
    assert_says(&desk.run(&["import", "parties", "p.parquet"]).ok(), "took 2 rows");
    let csv = "party,name,country\nmei,Mei,CN\nlabel,Label North,\n";
    assert_says(&desk.import("parties", "p.csv", csv).ok(), "took 2 rows, 2 already known");
}
