//! How long it takes to decode what an allocation reads, and do nothing with it:
//! `bare_scan FILE [--threads N]` prints the seconds and the rows, first of our decoder, then of
//! the Parquet library's.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use tantieme::config::Means;
use tantieme::usage::SealedScan;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (file, threads) = match words.as_slice() {
        [file] => (file, Means::default().threads),
        [file, flag, threads] if flag == "--threads" => (file, threads.parse()?),
        _ => return Err("usage: bare_scan FILE [--threads N]".into()),
    };
    let ours = timed(|| Ok(SealedScan::open(&[file.into()], threads)?.bare()?))?;
    let theirs = timed(|| library(file, threads))?;
    for (decoder, (taken, rows)) in [("ours", ours), ("library", theirs)] {
        println!("{decoder}: {}.{:06} s, {rows} rows", taken.as_secs(), taken.subsec_micros());
    }
    Ok(())
}

fn timed(scan: impl FnOnce() -> Result<u64, Error>) -> Result<(Duration, u64), Error> {
    let started = Instant::now();
    let rows = scan()?;
    Ok((started.elapsed(), rows))
}

/// Decodes listener, recording and plays of each row group; returns how many rows there are.
fn library(file: &str, threads: usize) -> Result<u64, Error> {
    let metadata = ArrowReaderMetadata::load(&File::open(file)?, ArrowReaderOptions::default())?;
    let groups = metadata.metadata().num_row_groups();
    let next = AtomicUsize::new(0);
    let scan = || {
        let mut rows = 0;
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= groups {
                return Ok::<u64, Error>(rows);
            }
            let file = File::open(file)?;
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), [0, 1, 2]);
            let builder = builder.with_projection(mask).with_row_groups(vec![group]);
            for batch in builder.with_batch_size(1 << 13).build()? {
                rows += std::hint::black_box(batch?).num_rows() as u64;
            }
        }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(scan)).collect();
        running.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).sum()
    })
}
