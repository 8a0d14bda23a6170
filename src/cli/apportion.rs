//! `tantieme apportion`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Done, Failure, show};
use crate::ingest::{Column, Given, OtherColumns, RowRead, Rows};
use crate::money::{Micros, apportion, fixed};

const COLUMNS: &[Column] = &[Column::required("key"), Column::required("weight")];

/// Decimals of a weight; 10²⁰ of its whole part still fit.
const WEIGHT_DECIMALS: u32 = 18;

/// The words of the command.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  printf 'key,weight\\na,1\\nb,1\\nc,1\\n' | tantieme apportion --total 100.00 --weights -"
)]
pub(super) struct Apportion {
    /// What is divided, with up to six decimals.
    #[arg(long, allow_negative_numbers = true, value_parser = Micros::parse)]
    total: Micros,
    /// A CSV file with the columns key,weight; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
}

impl Apportion {
    pub(super) fn run(self) -> Done {
        let mut rows = Rows::open(&self.weights, COLUMNS, Given::new(), OtherColumns::Refused)?;
        let mut keys: Vec<(String, u128)> = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let fault = match rows.next()? {
                RowRead::End => break,
                RowRead::Fault(fault) => fault,
                RowRead::Row(row) => {
                    let (key, weight) = (row.text(0), row.text(1));
                    match fixed(weight, WEIGHT_DECIMALS).map(u128::try_from) {
                        Err(reason) => row.fault(1, format!("{weight:?}: {reason}")),
                        Ok(Err(_)) => {
                            row.fault(1, format!("{weight:?}: a weight cannot be negative"))
                        }
                        Ok(Ok(_)) if !seen.insert(key.to_owned()) => {
                            row.fault(0, format!("{key:?} stands twice"))
                        }
                        Ok(Ok(weight)) => {
                            keys.push((key.to_owned(), weight));
                            continue;
                        }
                    }
                }
            };
            return Err(Failure::Wrong(format!("{}:{fault}", self.weights.display())));
        }
        // Ties go to the key that sorts first, whatever the order of the file.
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|a, b| keys[*a].0.cmp(&keys[*b].0));
        let weights: Vec<u128> = order.iter().map(|at| keys[*at].1).collect();
        let mut amounts = vec![Micros::ZERO; keys.len()];
        for (at, amount) in order.into_iter().zip(apportion(self.total, &weights)?) {
            amounts[at] = amount;
        }
        let mut out = csv::Writer::from_writer(show::Out);
        out.write_record(["key", "amount"])?;
        for ((key, _), amount) in keys.iter().zip(amounts) {
            out.write_record([key, &amount.to_string()])?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
