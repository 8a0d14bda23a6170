//! Properties of a month as a pure function: whatever the facts, no micro is made or lost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tantieme::agreements::{Agreement, Agreements};
use tantieme::allocate::{
    AllocateError, Allocation, Attributes, Inputs, Model, RecordingAmount, Rule,
};
use tantieme::catalog::{Catalogue, Claim, Fact, Party, Recording};
use tantieme::ident::RecordingId;
use tantieme::ingest::{Given, OtherColumns, RowRead, Rows};
use tantieme::money::Micros;
use tantieme::period::Period;
use tantieme::sales::Sales;
use tantieme::settle::{
    Account, Allocated, Facts, Imported, Line, Pool, plan, settle_pool, settle_sales,
};
use tantieme::usage::{Listening, Play, PlaysInMemory, Sums};

/// Reads facts as their files would be read.
fn facts<F: Fact>(text: &str) -> Vec<F> {
    let mut rows = open(text, F::COLUMNS);
    let mut found = Vec::new();
    loop {
        match rows.next().unwrap() {
            RowRead::End => return found,
            RowRead::Fault(fault) => panic!("{fault}"),
            RowRead::Row(row) => found.push(F::read(row).unwrap()),
        }
    }
}

fn open(text: &str, columns: &'static [tantieme::ingest::Column]) -> Rows {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Rows::open(file.path(), columns, Given::new(), OtherColumns::Refused).unwrap()
}

fn sales(text: &str) -> Sales {
    let mut rows = open(text, tantieme::sales::COLUMNS);
    let mut sales = Sales::default();
    loop {
        match rows.next().unwrap() {
            RowRead::End => return sales,
            RowRead::Fault(fault) => panic!("{fault}"),
            RowRead::Row(row) => sales.add(row).unwrap(),
        }
    }
}

fn micros(value: i64) -> Micros {
    Micros::from_micros(i128::from(value)).unwrap()
}

fn play(recording: u32, plays: u32) -> Play {
    Play { recording, plays, active: 0 }
}

fn allocate<L: Listening>(
    model: Model,
    pool: Micros,
    listening: &L,
) -> Result<Allocation, AllocateError<L::Error>> {
    let attributes = Attributes::default();
    tantieme::allocate::allocate(&Rule::plain(model), pool, &Inputs::plain(listening, &attributes))
}

fn plays_of(rows: &[(u8, u8, u32)], threads: usize) -> PlaysInMemory {
    let ids = (0..=9).map(|id| RecordingId::parse(&format!("x::{id}")).unwrap()).collect();
    let rows = rows.iter().map(|(u, r, n)| (u128::from(*u), play(u32::from(*r), *n))).collect();
    PlaysInMemory::new(ids, rows, threads).unwrap()
}

fn listening() -> impl Strategy<Value = Vec<(u8, u8, u32)>> {
    let plays = prop_oneof![4 => 0_u32..50, 1 => any::<u32>().prop_map(|n| n / 64)];
    prop::collection::vec((0_u8..12, 0_u8..10, plays), 1..80)
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![0_i64..100, 0_i64..1_000_000_000, 0_i64..=i64::MAX]
}

proptest! {
    #[test]
    fn a_pool_is_shared_whole_whatever_the_order_and_the_threads(
        rows in listening(), pool in amount(), threads in 1_usize..6, seed in any::<u64>(),
    ) {
        prop_assume!(rows.iter().any(|(.., plays)| *plays > 0));
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| (u64::from(row.0) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for model in [Model::ProRata, Model::UserCentric] {
            let one = allocate(model, micros(pool), &plays_of(&rows, 1)).unwrap();
            let other = allocate(model, micros(pool), &plays_of(&shuffled, threads)).unwrap();
            prop_assert_eq!(&one, &other);
            let sum = Micros::sum(one.recordings.iter().map(|recording| recording.amount));
            prop_assert_eq!(sum, Ok(micros(pool)));
            for recording in &one.recordings {
                prop_assert!(!recording.amount.is_negative());
                prop_assert!(recording.plays > 0 || recording.amount.is_zero());
            }
        }
    }

    #[test]
    fn under_user_centric_a_listener_moves_no_more_than_one_budget(
        rows in listening(), extra in 1_u32..1_000_000, pool in 0_i64..1_000_000_000_000,
    ) {
        // Listener 0 plays recording 0 far more often; nobody else's money follows.
        prop_assume!(rows.iter().any(|(u, _, n)| *u == 0 && *n > 0));
        let mut more = rows.clone();
        more.push((0, 0, extra));
        let share = |rows: &[(u8, u8, u32)]| {
            let usage = plays_of(rows, 2);
            let listeners = usage.listeners().unwrap();
            let allocation = allocate(Model::UserCentric, micros(pool), &usage).unwrap();
            let first = allocation.recordings.iter().find(|r| r.recording.as_str() == "x::0");
            (first.map_or(0, |r| r.amount.micros()), listeners)
        };
        let ((before, listeners), (after, _)) = (share(&rows), share(&more));
        let budget = pool / i64::try_from(listeners).unwrap() + 2;
        prop_assert!(after - before <= budget, "{} moved, the budget is {}", after - before, budget);
    }

    #[test]
    fn with_one_listener_both_models_agree_to_a_micro(
        plays in prop::collection::vec(0_u32..1000, 1..10), pool in amount(),
    ) {
        prop_assume!(plays.iter().any(|n| *n > 0));
        let rows: Vec<_> = (0_u8..).zip(plays).map(|(r, n)| (1, r, n)).collect();
        let by = |model| allocate(model, micros(pool), &plays_of(&rows, 1)).unwrap();
        let (one, other) = (by(Model::ProRata), by(Model::UserCentric));
        for (a, b) in one.recordings.iter().zip(&other.recordings) {
            prop_assert!((a.amount.micros() - b.amount.micros()).abs() <= 1);
        }
    }
}

/// Usage that counts its listeners wrongly, as a file of another program might.
struct Miscounted(PlaysInMemory, u64);

impl Listening for Miscounted {
    type Error = std::convert::Infallible;

    fn threads(&self) -> usize {
        self.0.threads()
    }

    fn listeners(&self) -> Result<u64, Self::Error> {
        Ok(self.1)
    }

    fn fold<S: Sums>(&self, start: impl Fn() -> S + Sync) -> Result<Vec<S>, Self::Error> {
        self.0.fold(start)
    }

    fn recordings(&self) -> &[RecordingId] {
        self.0.recordings()
    }
}

#[test]
fn usage_that_counts_its_listeners_wrongly_is_refused() {
    for said in [0, 1, 3, 1_000_000] {
        let usage = Miscounted(plays_of(&[(1, 1, 5), (2, 1, 7), (2, 2, 7)], 1), said);
        let refused = allocate(Model::UserCentric, micros(i64::MAX), &usage);
        assert_eq!(refused, Err(AllocateError::Listeners { said, found: 2 }));
    }
}

const PERIOD: &str = "2026-10";

fn period() -> Period {
    PERIOD.parse().unwrap()
}

/// Party and percent.
type Participants = Vec<(u8, u32)>;

/// A small world: four parties, ten recordings, claims and royalties as drawn.
#[derive(Debug, Clone)]
struct World {
    claims: Vec<(u8, u8, String, bool)>,
    royalties: Vec<(u8, u8, Participants)>,
}

fn share() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..=100).prop_map(|percent| percent.to_string()),
        (1_u32..20, 1_u32..20).prop_map(|(a, b)| format!("{}/{}", a.min(b), a.max(b))),
        (0_u32..100_000_000).prop_map(|n| format!("{}.{:06}", n / 1_000_000, n % 1_000_000)),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let claim = (0_u8..9, 0_u8..5, share(), any::<bool>());
    let participants = prop::collection::vec((0_u8..5, 0_u32..=40), 1..4);
    let royalty = (0_u8..5, 0_u8..9, participants);
    (prop::collection::vec(claim, 0..25), prop::collection::vec(royalty, 0..6))
        .prop_map(|(claims, royalties)| World { claims, royalties })
}

impl World {
    /// Party 4 and recording 9 are known to nobody.
    fn facts(&self, sales_text: &str) -> Facts {
        let parties: Vec<Party> = facts("party,name\np0,P\np1,P\np2,P\np3,P\n");
        let mut text = String::from("recording,title,artist,release\n");
        for recording in 0..9 {
            text += &format!(
                "x::{recording},T{recording},p0,{}\n",
                if recording < 4 { "album" } else { "" }
            );
        }
        let recordings: Vec<Recording> = facts(&text);
        let mut claims: BTreeMap<String, Claim> = BTreeMap::new();
        for (recording, party, share, china) in &self.claims {
            let territories = if *china { "CN" } else { "WW" };
            let text = format!(
                "recording,right,party,share,territories\nx::{recording},recording,p{party},{share},{territories}\n"
            );
            let claim = facts::<Claim>(&text).remove(0);
            claims.insert(claim.key(), claim);
        }
        let mut agreements = Vec::new();
        for (at, (payer, recording, participants)) in self.royalties.iter().enumerate() {
            let mut seen = vec![*payer];
            let mut list = Vec::new();
            for (party, rate) in participants {
                if !seen.contains(party) && list.len() < 2 {
                    seen.push(*party);
                    list.push(format!("{{ party = \"p{party}\", rate = \"{rate}\" }}"));
                }
            }
            if list.is_empty() {
                continue;
            }
            let text = format!(
                "[agreement]\nid = \"a{at}\"\nvalid_from = 2026-01-01\n[[royalty]]\npayer = \"p{payer}\"\n\
                 recordings = {{ recording = \"x::{recording}\" }}\nparticipants = [{}]\n",
                list.join(", ")
            );
            agreements.push(Agreement::parse(&text).unwrap());
        }
        agreements.push(
            Agreement::parse(
                "[agreement]\nid = \"pools\"\nvalid_from = 2026-01-01\n[[pool]]\nservice = \"s\"\n\
                 right = \"recording\"\nrate = \"100\"\nmodel = \"user_centric\"\n",
            )
            .unwrap(),
        );
        let (sales, rounding) = sales(sales_text).rounded().unwrap();
        Facts {
            period: period(),
            catalogue: Catalogue::new(parties, recordings, claims.into_values().collect()),
            agreements: Agreements::new(agreements),
            sales,
            rounding,
        }
    }
}

const SALES: &str =
    "period,source,recording,release,territory,channel,quantity,amount,currency,sale_date,right\n";

fn lines(facts: &Facts, pools: &[(Pool, Vec<RecordingAmount>)]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (pool, recordings) in pools {
        let plays = recordings.iter().map(|row| row.plays).sum();
        let recordings = recordings.clone();
        let allocated = Allocated { recordings, plays, ..Allocated::default() };
        settle_pool(facts, pool, &allocated, &mut |line| lines.push(line)).unwrap();
    }
    settle_sales(facts, &mut |line| lines.push(line)).unwrap();
    lines.sort_by_key(|line| line.id);
    lines
}

/// What each account ends with.
fn balances(lines: &[Line]) -> BTreeMap<String, i128> {
    let mut balances: BTreeMap<String, i128> = BTreeMap::new();
    for line in lines {
        let amount = i128::from(line.amount.micros());
        *balances.entry(line.debit.to_string()).or_default() -= amount;
        *balances.entry(line.credit.to_string()).or_default() += amount;
    }
    balances
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_month_is_conserved_whatever_is_claimed_and_agreed(
        world in world(), rows in listening(), revenue in amount(),
    ) {
        let facts = world.facts(SALES);
        let text = format!(
            "period,service,offer,territory,currency,net_revenue\n{PERIOD},s,o,CN,CNY,{}\n", micros(revenue)
        );
        let pools = plan(&self::facts(&text), &facts.agreements, &Imported::default()).unwrap();
        let amounts = allocate(Model::UserCentric, pools[0].amount, &plays_of(&rows, 2))
            .map(|allocation| allocation.recordings)
            .unwrap_or_default();
        let lines = lines(&facts, &[(pools[0].clone(), amounts)]);
        let balances = balances(&lines);
        prop_assert_eq!(balances.values().sum::<i128>(), 0);
        prop_assert_eq!(balances["service:s"], -i128::from(revenue));
        for (account, balance) in &balances {
            match Account::parse(account).unwrap() {
                Account::Pool(_) => prop_assert_eq!(*balance, 0),
                Account::Service(_) => {}
                // Nobody pays on more than was received.
                _ => prop_assert!(*balance >= 0, "{} is {}", account, balance),
            }
        }
        let mut names: Vec<_> = lines.iter().map(|line| line.id).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), lines.len(), "two lines have one name");
        // Replayed, with the plays in other hands, it is the same.
        let again = self::lines(&world.facts(SALES), &[(pools[0].clone(), {
            allocate(Model::UserCentric, pools[0].amount, &plays_of(&rows, 5))
                .map(|allocation| allocation.recordings)
                .unwrap_or_default()
        })]);
        prop_assert_eq!(lines, again);
    }

    #[test]
    fn a_refund_cancels_its_sale(
        world in world(), units in 0_i128..10_i128.pow(21), recording in 0_u8..10, album in any::<bool>(),
    ) {
        let sold = if album { ",album".to_owned() } else { format!("x::{recording},") };
        let amount = tantieme::sales::exact(units);
        let text = format!(
            "{SALES}{PERIOD},shop,{sold},CN,download,1,{amount},CNY,2026-10-05,\n\
             {PERIOD},shop,{sold},CN,download,-1,-{amount},CNY,2026-10-05,\n"
        );
        let facts = world.facts(&text);
        let balances = balances(&lines(&facts, &[]));
        prop_assert!(balances.values().all(|balance| *balance == 0), "{:?}", balances);
    }

    #[test]
    fn a_report_is_kept_to_its_last_decimal(
        amounts in prop::collection::vec(-10_i128.pow(19)..10_i128.pow(19), 1..30),
    ) {
        let mut text = SALES.to_owned();
        for (at, amount) in amounts.iter().enumerate() {
            let amount = tantieme::sales::exact(*amount);
            text += &format!("{PERIOD},shop,x::{},,CN,download,1,{amount},CNY,,\n", at % 9);
        }
        let facts = World { claims: Vec::new(), royalties: Vec::new() }.facts(&text);
        let balances = balances(&lines(&facts, &[]));
        let exact: i128 = amounts.iter().sum();
        let rounded = tantieme::money::half_even(exact, 1_000_000_000_000);
        prop_assert_eq!(-balances.get("source:shop").copied().unwrap_or(0), rounded);
        prop_assert_eq!(balances.values().sum::<i128>(), 0);
    }
}
