//! How long it takes to decode what an allocation reads, and do nothing with it:
//! `bare_scan FILE [--threads N]` prints the seconds and the rows.

use std::time::Instant;

use tantieme::config::Means;
use tantieme::usage::SealedScan;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (file, threads) = match words.as_slice() {
        [file] => (file, Means::default().threads),
        [file, flag, threads] if flag == "--threads" => (file, threads.parse()?),
        _ => return Err("usage: bare_scan FILE [--threads N]".into()),
    };
    let started = Instant::now();
    let rows = SealedScan::new(vec![file.into()], threads).bare()?;
    let taken = started.elapsed();
    println!("{}.{:06} s, {rows} rows", taken.as_secs(), taken.subsec_micros());
    Ok(())
}
