//! Commands that need no workspace: all of their input is taken, or none.

use std::io::Write as _;
use std::process::Stdio;

use crate::bad_input::assert_says;
use crate::support::{Said, json, program};

/// Runs a command in a folder of its own with a text on its standard input.
fn run(words: &[&str], input: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(words).current_dir(folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its words reads nothing: then nobody is at the other end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

fn allocate(model: &str, amount: &str, usage: &str) -> Said {
    allocate_with(model, amount, usage, &[])
}

fn allocate_with(model: &str, amount: &str, usage: &str, more: &[&str]) -> Said {
    let words = ["allocate", "--usage", "-", "--amount", amount, "--currency", "EUR"];
    run(&[&words[..], &["--model", model], more].concat(), usage)
}

fn apportion(total: &str, weights: &str) -> Said {
    run(&["apportion", "--total", total, "--weights", "-"], weights)
}

/// Three listeners and three artists: the first worked case, published in 2021.
const THREE: &str =
    "listener,recording,plays\nA,x::X,100\nB,x::Z,50\nC,x::X,50\nC,x::Y,50\nC,x::Z,50\n";

#[test]
fn pro_rata_pays_three_artists_by_their_plays() {
    let said = allocate("pro_rata", "30.00", THREE).ok();
    assert_eq!(
        said,
        "recording,plays,listeners,amount\nx::X,150,2,15.000000\nx::Y,50,1,5.000000\n\
         x::Z,100,2,10.000000\n"
    );
}

#[test]
fn user_centric_pays_three_artists_by_their_listeners_and_a_tie_goes_to_the_first() {
    let said = allocate("user_centric", "30.00", THREE).ok();
    assert_eq!(
        said,
        "recording,plays,listeners,amount\nx::X,150,2,13.333334\nx::Y,50,1,3.333333\n\
         x::Z,100,2,13.333333\n"
    );
}

/// Two listeners, 10.00 each; the article that this is from pays out 20.01.
const TWO: &str = "listener,recording,plays\nu1,x::SWIFT,1\nu2,x::RATM,31\n";

#[test]
fn pro_rata_pays_out_20_and_not_a_penny_more() {
    let said = allocate("pro_rata", "20.00", TWO).ok();
    let rows = "x::RATM,31,1,19.375000\nx::SWIFT,1,1,0.625000\n";
    assert_eq!(said, format!("recording,plays,listeners,amount\n{rows}"));
}

#[test]
fn user_centric_pays_each_listeners_10_to_what_they_played() {
    let said = allocate("user_centric", "20.00", TWO).ok();
    let rows = "x::RATM,31,1,10.000000\nx::SWIFT,1,1,10.000000\n";
    assert_eq!(said, format!("recording,plays,listeners,amount\n{rows}"));
}

#[test]
fn an_allocation_as_json_says_the_same() {
    let said = json(&allocate_with("user_centric", "30.00", THREE, &["--format", "json"]).ok());
    let first = serde_json::json!({
        "recording": "x::X", "plays": 150, "listeners": 2, "amount": "13.333334", "currency": "EUR",
    });
    assert_eq!(said[0], first);
    assert_eq!(said.as_array().unwrap().len(), 3);
}

#[test]
fn rows_in_any_order_split_and_spelled_in_any_way_give_the_same() {
    let one = "listener,recording,plays\nA,GBXYZ2600001,100\nB,GBXYZ2600001,7\nB,x::Y,5\n";
    let other = "plays,ignored,recording,listener\n5,a,x::Y,B\n99,b,gb-xyz-26-00001,A\n\
        3,c,GBXYZ2600001,B\n1,d,GB-XYZ-26-00001,A\n4,e,GBXYZ2600001,B\n";
    for model in ["pro_rata", "user_centric"] {
        let (one, other) =
            (allocate(model, "99.99", one).ok(), allocate(model, "99.99", other).ok());
        assert_eq!(one, other);
        assert_says(&one, "GBXYZ2600001,107,2,");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    // Enough for several pieces of a file and for several parts of the listeners.
    let mut usage = "listener,recording,plays\n".to_owned();
    for row in 0..300_000_u32 {
        usage += &format!("listener-{},x::{},{}\n", row * 7 % 60_101, row * 13 % 97, row % 29);
    }
    assert!(usage.len() > 5 << 20, "{}", usage.len());
    for model in ["pro_rata", "user_centric"] {
        let mut results = Vec::new();
        for threads in ["1", "2", "3", "4"] {
            results
                .push(allocate_with(model, "12345.678901", &usage, &["--threads", threads]).ok());
        }
        results.dedup();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0].lines().count(), 98);
    }
}

#[test]
fn the_amounts_add_up_to_the_amount() {
    let mut usage = "listener,recording,plays\n".to_owned();
    for row in 0..500_u32 {
        usage += &format!("u{},x::{},{}\n", row % 71, row * 5 % 37, row % 11);
    }
    for (model, amount) in [("pro_rata", "0.000001"), ("user_centric", "9223372036854.775807")] {
        let said = allocate(model, amount, &usage).ok();
        let amounts = said.lines().skip(1).map(|row| row.rsplit(',').next().unwrap());
        let sum = tantieme::money::Micros::sum(
            amounts.map(|a| tantieme::money::Micros::parse(a).unwrap()),
        );
        assert_eq!(sum.unwrap().to_string(), amount);
    }
}

#[test]
fn a_recording_with_0_plays_is_listed_and_gets_nothing() {
    let usage = "listener,recording,plays\nA,x::A,3\nA,x::None,0\nB,x::None,0\nB,x::B,1\n";
    for model in ["pro_rata", "user_centric"] {
        assert_says(&allocate(model, "10", usage).ok(), "\nx::None,0,0,0.000000\n");
    }
    // A listener without plays has no budget.
    let said = allocate("user_centric", "10", &format!("{usage}C,x::A,0\n")).ok();
    assert_says(&said, "x::A,3,1,5.000000\n");
}

#[test]
fn an_amount_of_0_is_shared() {
    for model in ["pro_rata", "user_centric"] {
        assert_says(&allocate(model, "0", THREE).ok(), "\nx::X,150,2,0.000000\n");
    }
}

#[test]
fn no_plays_at_all_are_an_error() {
    for usage in ["listener,recording,plays\n", "listener,recording,plays\nA,x::A,0\n"] {
        for model in ["pro_rata", "user_centric"] {
            let said = allocate(model, "10", usage);
            assert_says(&said.clone().refused(), "-: no plays");
            assert_eq!(said.stdout, "");
        }
    }
}

#[test]
fn a_negative_amount_is_an_error() {
    assert_says(&allocate("pro_rata", "-1.00", THREE).refused(), "the amount is negative");
}

#[test]
fn one_bad_row_is_named_and_nothing_is_shared() {
    for (row, fault) in [
        ("A,x::A,-1", "3: plays: \"-1\": plays cannot be negative"),
        ("A,x::A,1.5", "3: plays: \"1.5\": plays must be a whole number"),
        (
            "A,x::A,4294967296",
            "3: plays: over 4294967295, which is more plays than one row can hold",
        ),
        ("A,nothing,1", "2: recording: neither an ISRC"),
        (",x::A,1", "1: listener: empty"),
        ("A,x::A", "1: the row has 2 fields and the header has 3"),
    ] {
        let said =
            allocate("pro_rata", "10", &format!("listener,recording,plays\nB,x::B,1\n{row}\n"));
        assert_says(&said.clone().refused(), &format!("-:3:{fault}"));
        assert_eq!(said.stdout, "");
    }
    let active = "listener,recording,plays,active_plays\nB,x::B,1,1\nA,x::A,3,4\n";
    assert_says(
        &allocate("pro_rata", "10", active).refused(),
        "-:3:4: active_plays: 4 active plays",
    );
}

#[test]
fn a_file_is_named_in_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("october.csv");
    std::fs::write(&path, "listener,recording,plays\nA,x::A,-1\n").unwrap();
    let words = ["--amount", "1", "--currency", "EUR", "--model", "pro_rata", "--usage"];
    let words = [&["allocate"][..], &words, &[path.to_str().unwrap()]].concat();
    let said = run(&words, "").refused();
    assert_says(&said, "october.csv:2:3: plays: \"-1\"");
    std::fs::write(&path, "listener,plays\nA,1\n").unwrap();
    assert_says(&run(&words, "").refused(), "october.csv:1: missing column recording; known are");
    std::fs::remove_file(&path).unwrap();
    assert_says(&run(&words, "").refused(), "cannot read ");
}

#[test]
fn a_file_gets_the_result_where_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.csv");
    let said = allocate_with("pro_rata", "30", THREE, &["--out", path.to_str().unwrap()]).ok();
    assert_eq!(said, "");
    assert_eq!(std::fs::read_to_string(path).unwrap(), allocate("pro_rata", "30", THREE).ok());
}

#[test]
fn nothing_is_written_where_nothing_is_shared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.csv");
    let out = ["--out", path.to_str().unwrap()];
    allocate_with("pro_rata", "30", "listener,recording,plays\nA,x::A,x\n", &out).refused();
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn what_was_there_stays_where_the_result_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let row = |at: u32| format!("u1,x::R{at},1\n");
    let rows: String = (0..2000).map(row).collect();
    std::fs::write(folder.path().join("u.csv"), format!("listener,recording,plays\n{rows}"))
        .unwrap();
    std::fs::write(folder.path().join("result.csv"), "the last result\n").unwrap();
    let words = "allocate --usage u.csv --amount 1 --currency EUR --model pro_rata --out";
    let allocate = |limit: &str, out: &str| -> Said {
        let program = env!("CARGO_BIN_EXE_tantieme");
        let script = format!("trap '' XFSZ; {limit}; {program} {words} {out}");
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script]).current_dir(folder.path());
        command.env("TANTIEME_MEMORY", "64MiB").output().unwrap().into()
    };
    let said = allocate("ulimit -f 8", "result.csv").refused();
    assert_says(&said, "cannot write result.csv: ");
    let left = std::fs::read_to_string(folder.path().join("result.csv")).unwrap();
    assert_eq!(left, "the last result\n");
    assert_says(
        &allocate("true", "nowhere/result.csv").refused(),
        "cannot write nowhere/result.csv",
    );
    assert_eq!(allocate("true", "/dev/stdout").ok().lines().count(), 2001);
    allocate("true", "result.csv").ok();
    let names = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 2, "something was left behind");
    let result = std::fs::read_to_string(folder.path().join("result.csv")).unwrap();
    assert_eq!(result.lines().count(), 2001);
}

#[test]
fn wrong_words_are_usage_errors() {
    for words in [
        &["allocate"][..],
        &[
            "allocate",
            "--usage",
            "-",
            "--amount",
            "much",
            "--currency",
            "EUR",
            "--model",
            "pro_rata",
        ],
        &[
            "allocate",
            "--usage",
            "-",
            "--amount",
            "1.0000001",
            "--currency",
            "EUR",
            "--model",
            "pro_rata",
        ],
        &["allocate", "--usage", "-", "--amount", "1", "--currency", "RMB", "--model", "pro_rata"],
        &["allocate", "--usage", "-", "--amount", "1", "--currency", "EUR", "--model", "by_magic"],
        &["apportion", "--total", "1,00", "--weights", "-"],
        &["apportion", "--total", "9223372036854.775808", "--weights", "-"],
        &["apportion", "--weights", "-"],
        &["nothing"],
        &[],
    ] {
        let said = run(words, "");
        assert_eq!(said.code, Some(2), "{words:?}: {said:?}");
        assert_eq!(said.stdout, "", "{words:?}");
        assert!(!said.stderr.is_empty(), "{words:?}");
    }
    let said = allocate_with("pro_rata", "1", THREE, &["--threads", "0"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[test]
fn every_command_has_help_and_the_program_a_version() {
    for command in ["allocate", "apportion", "import", "close", "statements", "explain", "verify"] {
        assert_says(&run(&[command, "--help"], "").ok(), "Usage: ");
    }
    assert_says(&run(&["--version"], "").ok(), "tantieme ");
}

#[test]
fn a_total_is_apportioned_by_largest_remainder_and_a_tie_goes_to_the_first_key() {
    let said = apportion("100.00", "key,weight\na,1\nb,1\nc,1\n").ok();
    assert_eq!(said, "key,amount\na,33.333334\nb,33.333333\nc,33.333333\n");
}

#[test]
fn the_order_of_the_file_is_kept_and_does_not_decide_a_tie() {
    let said = apportion("0.000002", "key,weight\nc,1\nZ,1\nb,1\na,1\n").ok();
    assert_eq!(said, "key,amount\nc,0.000000\nZ,0.000001\nb,0.000000\na,0.000001\n");
}

#[test]
fn columns_of_weights_come_in_any_order() {
    assert_eq!(
        apportion("1", "weight,key\n3,a\n1,b\n").ok(),
        "key,amount\na,0.750000\nb,0.250000\n"
    );
}

#[test]
fn weights_are_exact_decimals() {
    let said = apportion("1", "key,weight\na,0.000000000000000001\nb,0.000000000000000003\n").ok();
    assert_eq!(said, "key,amount\na,0.250000\nb,0.750000\n");
    let said = apportion("0.000003", "key,weight\na,99999999999999999999\nb,0\n").ok();
    assert_eq!(said, "key,amount\na,0.000003\nb,0.000000\n");
    let fault = apportion("1", "key,weight\na,0.0000000000000000001\n").refused();
    assert_says(&fault, "-:2:2: weight: \"0.0000000000000000001\": more than 18 decimals");
}

#[test]
fn a_total_of_0_is_apportioned() {
    assert_eq!(
        apportion("0", "key,weight\na,1\nb,0\n").ok(),
        "key,amount\na,0.000000\nb,0.000000\n"
    );
}

#[test]
fn a_negative_total_is_apportioned_as_the_refund_of_a_positive_one() {
    let weights = "key,weight\na,1\nb,1\nc,1\n";
    let refund = apportion("-100.00", weights).ok();
    assert_eq!(refund.replace(",-", ","), apportion("100.00", weights).ok());
    assert_eq!(refund.matches(",-33.33333").count(), 3);
}

#[test]
fn a_bad_weight_is_named_by_its_place() {
    for (rows, fault) in [
        ("a,1\na,2", "3:1: key: \"a\" stands twice"),
        ("a,1\nb,-1", "3:2: weight: \"-1\": a weight cannot be negative"),
        ("a,1\nb,1e3", "3:2: weight: \"1e3\": not a decimal number"),
        ("a,1\nb,", "3:2: weight: \"\": not a decimal number"),
        ("a,1\nb", "3:1: the row has 1 fields and the header has 2"),
    ] {
        let said = apportion("1", &format!("key,weight\n{rows}\n"));
        assert_says(&said.clone().refused(), &format!("-:{fault}"));
        assert_eq!(said.stdout, "");
    }
}

#[test]
fn an_unknown_column_of_weights_is_refused() {
    let said = apportion("1", "key,weigth\na,1\n").refused();
    assert_says(&said, "-:1: unknown column \"weigth\"; known are key, weight");
}

#[test]
fn weights_of_nothing_are_an_error() {
    for weights in ["key,weight\n", "key,weight\na,0\nb,0.0\n"] {
        for total in ["1", "0", "-1"] {
            let said = apportion(total, weights);
            assert_says(&said.clone().refused(), "no weight: every weight is 0, or there is none");
            assert_eq!(said.stdout, "");
        }
    }
}

#[test]
fn a_key_may_hold_what_csv_quotes() {
    let said = apportion("1", "key,weight\n\"a, \"\"b\"\"\",1\nü,1\n").ok();
    assert_eq!(said, "key,amount\n\"a, \"\"b\"\"\",0.500000\nü,0.500000\n");
}

#[test]
fn an_error_that_speaks_of_a_broken_pipe_is_still_an_error() {
    let said = apportion("1", "key,weight\na,Broken pipe\n").refused();
    assert_says(&said, "-:2:2: weight: \"Broken pipe\": not a decimal number");
}

#[test]
fn compressed_input_is_read_as_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.csv.zst");
    std::fs::write(&path, zstd::encode_all(&b"key,weight\na,1\n"[..], 0).unwrap()).unwrap();
    let words = ["apportion", "--total", "1", "--weights", path.to_str().unwrap()];
    assert_eq!(run(&words, "").ok(), "key,amount\na,1.000000\n");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_from_its_beginning() {
    let program = env!("CARGO_BIN_EXE_tantieme");
    let allocate = "allocate --amount 1 --currency EUR --model pro_rata --usage";
    for script in [
        format!("{program} apportion --total 1 --weights <(printf 'key,weight\\na,1\\n')"),
        format!("{program} {allocate} <(printf 'listener,recording,plays\\nA,x::A,1\\n')"),
    ] {
        let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_says(&Said::from(output).ok(), ",1.000000\n");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_left_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let desk = |words: &[&str]| program().args(words).current_dir(folder.path()).output().unwrap();
    Said::from(desk(&["demo", "demo"])).ok();
    for words in ["--version", "demo demo", "-w demo status", "-w demo verify"] {
        // `true` leaves at once; the program speaks a moment later.
        let script = format!("(sleep 0.3; {} {words}) | true", env!("CARGO_BIN_EXE_tantieme"));
        let mut command = std::process::Command::new("bash");
        let said = command.args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        let said = Said::from(said);
        assert!(!said.stderr.contains("panicked"), "{words}: {}", said.stderr);
    }
}
