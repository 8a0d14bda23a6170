//! Accounting periods (calendar months) and which day's terms a month follows.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};

/// A calendar month, such as `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    first_day: NaiveDate,
}

/// A text that is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month (write it as 2026-10)")]
pub struct PeriodError;

impl Period {
    /// The first day of the month.
    pub const fn first_day(self) -> NaiveDate {
        self.first_day
    }

    /// The last day of the month.
    pub fn last_day(self) -> NaiveDate {
        let next = self.first_day.checked_add_months(Months::new(1));
        next.and_then(|day| day.pred_opt()).unwrap_or(self.first_day) // years are 1900 to 9999
    }

    /// The eleven months before this one, latest first.
    pub fn eleven_before(self) -> impl Iterator<Item = Self> {
        let before = move |months| self.first_day.checked_sub_months(Months::new(months));
        (1..=11).filter_map(before).map(|first_day| Self { first_day })
    }

    /// The month that a day is in.
    pub fn of(day: NaiveDate) -> Self {
        Self { first_day: day.with_day(1).unwrap_or(day) } // every month has a first
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let well_formed = text.len() == 7
            && text
                .bytes()
                .enumerate()
                .all(|(i, b)| if i == 4 { b == b'-' } else { b.is_ascii_digit() });
        if !well_formed {
            return Err(PeriodError);
        }
        let year: i32 = text[..4].parse().map_err(|_| PeriodError)?;
        let month: u32 = text[5..].parse().map_err(|_| PeriodError)?;
        match NaiveDate::from_ymd_opt(year, month, 1) {
            Some(first_day) if year >= 1900 => Ok(Self { first_day }),
            _ => Err(PeriodError),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.first_day.format("%Y-%m").to_string())
    }
}

impl serde::Serialize for Period {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Period {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// From when until when something is in force; both days are inclusive, an open end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Validity {
    /// The first day, if there is one.
    pub from: Option<NaiveDate>,
    /// The last day, if there is one.
    pub to: Option<NaiveDate>,
}

/// A last day before the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("valid_to is before valid_from")]
pub struct ValidityError;

impl Validity {
    /// Checks that the days are in order.
    pub fn new(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<Self, ValidityError> {
        match (from, to) {
            (Some(from), Some(to)) if to < from => Err(ValidityError),
            _ => Ok(Self { from, to }),
        }
    }

    /// True if it is in force on that day.
    pub fn covers(self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// The latest day of the month on which it is in force.
    pub fn latest_day_in(self, period: Period) -> Option<NaiveDate> {
        let day = self.to.map_or(period.last_day(), |to| to.min(period.last_day()));
        (day >= period.first_day() && self.covers(day)).then_some(day)
    }
}

/// What settles which terms apply: a day of its own, or the month's latest day with any terms.
///
/// A month's usage follows the terms in force on the latest day of that month on which any are
/// in force; a sale with a date follows that date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AsOf {
    /// A dated sale.
    Day(NaiveDate),
    /// A month's usage, or a sale without a date.
    Month(Period),
}

impl AsOf {
    /// The day whose terms apply, of the terms with these validities; `None` if none is in force.
    pub fn day(self, terms: impl IntoIterator<Item = Validity>) -> Option<NaiveDate> {
        let mut terms = terms.into_iter();
        match self {
            Self::Day(day) => terms.any(|term| term.covers(day)).then_some(day),
            Self::Month(period) => terms.filter_map(|term| term.latest_day_in(period)).max(),
        }
    }
}

/// Reads a day such as `2026-10-31`.
pub fn parse_day(text: &str) -> Result<NaiveDate, DayError> {
    let digit_or_dash = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let well_formed = text.len() == 10 && text.bytes().enumerate().all(digit_or_dash);
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| DayError)?;
    if well_formed && day.year() >= 1900 { Ok(day) } else { Err(DayError) }
}

/// A text that is not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day (write it as 2026-10-31)")]
pub struct DayError;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        parse_day(text).unwrap()
    }

    #[test]
    fn months_and_days_are_read_strictly() {
        let october: Period = "2026-10".parse().unwrap();
        assert_eq!(october.last_day(), day("2026-10-31"));
        assert_eq!(Period::of(day("2026-10-17")), october);
        for text in ["2026-13", "2026-1", "26-10", "2026/10", "2026-10-01", "0001-01", "２026-1"] {
            assert_eq!(text.parse::<Period>(), Err(PeriodError), "{text}");
        }
        for text in ["2026-02-30", "2026-1-01", "10/31/2026", "", "+12026-1-1", "2026- 1- 1"] {
            assert_eq!(parse_day(text), Err(DayError), "{text}");
        }
    }

    #[test]
    fn usage_follows_the_latest_day_of_the_month_with_any_terms() {
        let month: Period = "2026-10".parse().unwrap();
        let until = |to| Validity { from: None, to: Some(day(to)) };
        let from = |from| Validity { from: Some(day(from)), to: None };
        assert_eq!(AsOf::Month(month).day([until("2026-10-10")]), Some(day("2026-10-10")));
        assert_eq!(
            AsOf::Month(month).day([until("2026-10-10"), from("2026-10-20")]),
            Some(day("2026-10-31"))
        );
        assert_eq!(AsOf::Month(month).day([until("2026-09-30"), from("2026-11-01")]), None);
        assert_eq!(
            AsOf::Day(day("2026-10-05")).day([until("2026-10-05")]),
            Some(day("2026-10-05"))
        );
        assert_eq!(AsOf::Day(day("2026-10-06")).day([until("2026-10-05")]), None);
    }
}
