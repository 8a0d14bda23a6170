//! What each model is known for, and the engine beside a plain calculation.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tantieme::allocate::Rule;
use tantieme::money::Micros;

use super::plainly::{Rows, is_near, listening, micros, plain, rule, share};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_rule_pays_what_anybody_would_calculate_to_the_micro(
        rule in rule(), rows in listening(), pool in 0_i64..1_000_000_000, threads in 1_usize..5,
    ) {
        let fee = u64::try_from(pool).unwrap() / 2 + 1;
        let Some(allocation) = share(&rule, pool, &rows, threads, fee) else {
            // Nothing counts, or the fees do not come to the pool.
            let paid = plain(&rule, pool, &rows, fee);
            let nothing = paid.values().all(|paid| paid.is_nan() || *paid == 0.0);
            prop_assert!(nothing || rule.model.as_str() == "scaled_user");
            return Ok(());
        };
        let total = Micros::sum(allocation.recordings.iter().map(|row| row.amount));
        prop_assert_eq!(total, Ok(micros(pool)));
        let paid = plain(&rule, pool, &rows, fee);
        for row in &allocation.recordings {
            let expected = paid[&row.recording.as_str()[3..].parse::<u8>().unwrap()];
            prop_assert!(is_near(row.amount, expected), "{}: {}, not {expected}", row.recording, row.amount);
            prop_assert!(expected > 0.0 || row.amount.is_zero(), "{} is paid for nothing", row.recording);
        }
        // The order of rows and the number of threads change nothing.
        let backwards: Rows = rows.iter().rev().copied().collect();
        prop_assert_eq!(share(&rule, pool, &backwards, 1, fee), Some(allocation));
    }

    #[test]
    fn a_cap_that_normalises_is_an_equal_budget_for_each(
        rows in listening(), pool in 0_i64..1_000_000_000, cap in 1_u32..50,
    ) {
        let normalised = format!("model = \"pro_rata\"\ncap = {{ plays = {cap}, mode = \"normalise\" }}\n");
        let one = share(&Rule::parse(&normalised).unwrap(), pool, &rows, 2, 0).unwrap();
        let other = share(&Rule::named("user_centric").unwrap(), pool, &rows, 2, 0).unwrap();
        for (one, other) in one.recordings.iter().zip(&other.recordings) {
            prop_assert!((one.amount.micros() - other.amount.micros()).abs() <= 1);
        }
    }

    #[test]
    fn a_second_name_for_the_same_plays_gains_nothing_but_where_artists_share_equally(
        rows in listening(), pool in 0_i64..1_000_000_000,
    ) {
        // Recording 9 hands half of its plays to recording 8, which nobody else has.
        let before: Rows = rows.iter().copied().filter(|(_, r, ..)| *r != 8).collect();
        prop_assume!(before.iter().any(|(.., plays, _)| *plays > 0));
        let after: Rows = before
            .iter()
            .flat_map(|(u, r, n, _)| match r {
                9 => vec![(*u, 9, n / 2, 0), (*u, 8, n - n / 2, 0)],
                _ => vec![(*u, *r, *n, 0)],
            })
            .collect();
        for model in ["pro_rata", "user_centric", "scaled_user"] {
            let rule = Rule::named(model).unwrap();
            let both = |rows: &Rows| {
                let fee = u64::try_from(pool).unwrap() + 1;
                let allocation = share(&rule, pool, rows, 1, fee).unwrap();
                let of = |row: &&tantieme::allocate::RecordingAmount| matches!(row.recording.as_str(), "x::8" | "x::9");
                allocation.recordings.iter().filter(of).map(|row| row.amount.micros()).sum::<i64>()
            };
            prop_assert!((both(&before) - both(&after)).abs() <= 2, "{model}");
        }
    }

    #[test]
    fn bought_accounts_get_back_at_most_their_fees_where_users_are_scaled(
        rows in listening(), bots in 1_u8..4, plays in 1_u32..100_000,
    ) {
        // Real listeners 0 to 4; bots 5 and more, who play nothing but recording 9.
        let fee = 10_000_000_u64;
        let real: Rows = rows.into_iter().filter(|(u, r, n, _)| *u < 5 && *r != 9 && *n > 0).collect();
        prop_assume!(!real.is_empty());
        let mut bought = real.clone();
        bought.extend((5..5 + bots).map(|bot| (bot, 9, plays, 0)));
        let listeners: BTreeSet<u8> = bought.iter().map(|(u, ..)| *u).collect();
        // 70 % of what everybody paid.
        let pool = i64::try_from(listeners.len() as u64 * fee * 7 / 10).unwrap();
        let share = share(&Rule::named("scaled_user").unwrap(), pool, &bought, 2, fee).unwrap();
        let got = share.recordings.iter().find(|row| row.recording.as_str() == "x::9").unwrap();
        prop_assert!(got.amount.micros() <= i64::from(bots) * i64::try_from(fee).unwrap() + 1);
    }
}

#[test]
fn a_second_name_gains_where_artists_share_equally() {
    let rule = Rule::named("equal_per_artist").unwrap();
    let of_fraud = |rows: &Rows| {
        let allocation = share(&rule, 12, rows, 1, 0).unwrap();
        let of = allocation
            .recordings
            .iter()
            .filter(|row| matches!(row.recording.as_str(), "x::8" | "x::9"));
        of.map(|row| row.amount.micros()).sum::<i64>()
    };
    assert_eq!(of_fraud(&vec![(0, 6, 4, 0), (0, 9, 4, 0)]), 6);
    assert_eq!(of_fraud(&vec![(0, 6, 4, 0), (0, 9, 2, 0), (0, 8, 2, 0)]), 8);
}

/// What a rule of that name pays each recording, in micros, by its number.
fn paid(name: &str, pool: i64, rows: &Rows, fee: u64) -> Vec<i64> {
    let allocation = share(&Rule::named(name).unwrap(), pool, rows, 2, fee).unwrap();
    let mut paid = vec![0; 10];
    for row in allocation.recordings {
        paid[row.recording.as_str()[3..].parse::<usize>().unwrap()] = row.amount.micros();
    }
    paid
}

/// Rows with each listener and recording once, and something played by each.
fn plain_rows(rows: Rows) -> Rows {
    let mut once: BTreeMap<(u8, u8), u32> = BTreeMap::new();
    for (listener, recording, plays, _) in rows {
        *once.entry((listener, recording)).or_default() += plays;
    }
    let played = once.into_iter().filter(|(_, plays)| *plays > 0);
    played.map(|((listener, recording), plays)| (listener, recording, plays, 0)).collect()
}

const MODELS: [&str; 4] = ["pro_rata", "user_centric", "equal_per_artist", "scaled_user"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_recording_that_nobody_plays_gets_nothing_and_changes_nothing(
        rows in listening(), pool in 0_i64..1_000_000_000, listener in 0_u8..8,
    ) {
        let rows: Rows = rows.into_iter().filter(|(_, recording, ..)| *recording != 9).collect();
        prop_assume!(rows.iter().any(|(.., plays, _)| *plays > 0));
        let fee = u64::try_from(pool).unwrap() + 1;
        let mut more = rows.clone();
        more.push((listener, 9, 0, 0));
        for model in MODELS {
            let (before, after) = (paid(model, pool, &rows, fee), paid(model, pool, &more, fee));
            prop_assert_eq!(after[9], 0);
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn who_is_played_at_least_as_much_by_everybody_is_paid_at_least_as_much(
        rows in listening(), pool in 0_i64..1_000_000_000,
    ) {
        let mut rows = plain_rows(rows);
        // Recording 7 has all plays of recording 8, and one more of each listener. They are of two
        // artists, with no other recording.
        rows.retain(|(_, recording, ..)| *recording != 7);
        let more: Rows = rows
            .iter()
            .filter(|(_, recording, ..)| *recording == 8)
            .map(|(listener, _, plays, _)| (*listener, 7, plays + 1, 0))
            .collect();
        prop_assume!(!more.is_empty());
        rows.extend(more);
        let fee = u64::try_from(pool).unwrap() + 1;
        for model in MODELS {
            let paid = paid(model, pool, &rows, fee);
            prop_assert!(paid[7] + 1 >= paid[8], "{model}: {paid:?}");
        }
    }

    #[test]
    fn one_listener_moves_at_most_their_own_part_where_listeners_have_one(
        rows in listening(), others in listening(), pool in 0_i64..1_000_000_000, who in 0_u8..8,
    ) {
        // Listener `who` plays something else altogether, and something in both cases.
        let of_others: Rows = rows.iter().copied().filter(|(u, ..)| *u != who).collect();
        let with = |theirs: &Rows| {
            let mut all = of_others.clone();
            all.extend(theirs.iter().map(|(_, r, n, a)| (who, *r, *n, *a)));
            all
        };
        let one = with(&rows);
        let other = with(&others);
        let count = |rows: &Rows| {
            let played = rows.iter().filter(|(.., plays, _)| *plays > 0);
            played.map(|(u, ..)| *u).collect::<BTreeSet<u8>>().len()
        };
        prop_assume!(count(&one) == count(&other));
        let listeners = i64::try_from(count(&one)).unwrap();
        for model in ["user_centric", "equal_per_artist"] {
            let (one, other) = (paid(model, pool, &one, 1), paid(model, pool, &other, 1));
            let moved: i64 = one.iter().zip(&other).map(|(one, other)| (one - other).abs()).sum();
            prop_assert!(moved / 2 <= pool / listeners + 10, "{model} moves {moved}");
        }
    }

    #[test]
    fn with_one_listener_all_that_counts_plays_alike_is_one_rule(
        rows in listening(), pool in 0_i64..1_000_000_000,
    ) {
        let rows: Rows = rows.into_iter().map(|(_, r, n, a)| (3, r, n, a)).collect();
        let fee = u64::try_from(pool).unwrap() + 1;
        let expected = paid("pro_rata", pool, &rows, fee);
        for model in ["user_centric", "scaled_user"] {
            let paid = paid(model, pool, &rows, fee);
            prop_assert!(expected.iter().zip(&paid).all(|(a, b)| (a - b).abs() <= 1), "{model}");
        }
    }

    #[test]
    fn a_second_account_for_the_same_plays_gains_nothing_by_plays(
        rows in listening(), pool in 0_i64..1_000_000_000,
    ) {
        // Listener 0 splits every play over accounts 0 and 9.
        let split: Rows = rows
            .iter()
            .flat_map(|(u, r, n, a)| match u {
                0 => vec![(0, *r, n / 2, 0), (9, *r, n - n / 2, 0)],
                _ => vec![(*u, *r, *n, *a)],
            })
            .collect();
        prop_assert_eq!(paid("pro_rata", pool, &rows, 1), paid("pro_rata", pool, &split, 1));
    }

    #[test]
    fn three_models_are_three_settings_of_one_rule_in_two_stages(
        rows in listening(), pool in 1_i64..1_000_000_000,
    ) {
        // An endowment of one for each listener is divided over the listeners by their plays, then
        // each listener's part over what they played: each stage in proportion or by equal awards.
        // Recordings 6 to 9 are of an artist each.
        let rows: Rows = rows.iter().map(|(u, r, n, a)| (*u, 6 + r % 4, *n, *a)).collect();
        let rows = plain_rows(rows);
        for (model, first, second) in [
            ("pro_rata", Claims::Proportional, Claims::Proportional),
            ("user_centric", Claims::EqualAwards, Claims::Proportional),
            ("equal_per_artist", Claims::EqualAwards, Claims::EqualAwards),
        ] {
            let found = paid(model, pool, &rows, 1);
            for (recording, expected) in two_stages(&rows, pool, first, second) {
                let found = found[usize::from(recording)];
                prop_assert!(
                    is_near(micros(found), expected),
                    "{model}: recording {recording} gets {found}, not {expected}"
                );
            }
        }
    }
}

/// A rule for claims on an estate that does not suffice.
#[derive(Clone, Copy)]
enum Claims {
    Proportional,
    EqualAwards,
}

/// Divides an estate over claims.
#[expect(clippy::float_arithmetic, reason = "a plain calculation beside the exact one")]
fn divided(rule: Claims, estate: f64, claims: &[f64]) -> Vec<f64> {
    let all: f64 = claims.iter().sum();
    match rule {
        Claims::Proportional => claims.iter().map(|claim| estate * claim / all).collect(),
        Claims::EqualAwards => {
            // The smallest claims are met while they are under an equal part of what is left.
            let mut order: Vec<usize> = (0..claims.len()).collect();
            order.sort_by(|a, b| claims[*a].total_cmp(&claims[*b]));
            let (mut left, mut awards) = (estate, vec![0.0; claims.len()]);
            for (met, at) in order.iter().enumerate() {
                let others = u32::try_from(claims.len() - met).unwrap();
                awards[*at] = claims[*at].min(left / f64::from(others));
                left -= awards[*at];
            }
            awards
        }
    }
}

/// What recordings get of a pool, by a rule in two stages.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a plain calculation beside the exact one"
)]
fn two_stages(rows: &Rows, pool: i64, first: Claims, second: Claims) -> BTreeMap<u8, f64> {
    let mut listeners: BTreeMap<u8, Vec<(u8, f64)>> = BTreeMap::new();
    for (listener, recording, plays, _) in rows {
        listeners.entry(*listener).or_default().push((*recording, f64::from(*plays)));
    }
    let endowment = f64::from(u32::try_from(listeners.len()).unwrap());
    let total = |plays: &Vec<(u8, f64)>| plays.iter().map(|(_, plays)| plays).sum::<f64>();
    let totals: Vec<f64> = listeners.values().map(total).collect();
    let parts = divided(first, endowment, &totals);
    let mut paid: BTreeMap<u8, f64> = BTreeMap::new();
    for (plays, part) in listeners.values().zip(parts) {
        let claims: Vec<f64> = plays.iter().map(|(_, plays)| *plays).collect();
        for ((recording, _), award) in plays.iter().zip(divided(second, part, &claims)) {
            *paid.entry(*recording).or_default() += award / endowment * pool as f64;
        }
    }
    paid
}

#[test]
fn one_listener_can_move_more_than_their_part_by_plays() {
    // Listener 0 pays as much as listener 1 and plays a hundred times as much: half of the pool is
    // theirs under user_centric, nearly all of it under pro_rata.
    let (before, after): (Rows, Rows) =
        (vec![(0, 6, 100, 0), (1, 7, 1, 0)], vec![(0, 8, 100, 0), (1, 7, 1, 0)]);
    let moved = |model| paid(model, 1010, &before, 1)[6] + paid(model, 1010, &after, 1)[8];
    assert_eq!((moved("user_centric"), moved("pro_rata")), (2 * 505, 2 * 1000));
}

#[test]
fn a_second_account_gains_where_every_listener_has_an_equal_part() {
    let (one, two): (Rows, Rows) =
        (vec![(0, 6, 4, 0), (1, 7, 4, 0)], vec![(0, 6, 2, 0), (2, 6, 2, 0), (1, 7, 4, 0)]);
    assert_eq!(paid("user_centric", 12, &one, 1)[6], 6);
    assert_eq!(paid("user_centric", 12, &two, 1)[6], 8);
}
