//! Every kind of line is explained by a sentence and by arithmetic that holds.

use tantieme::facts::Workspace;
use tantieme::settle::{Kind, Line};

use crate::bad_input::{PARTIES, SALES_HEADER, assert_says, files, import_month, total, usage};
use crate::support::{Desk, block_on, json};

const RECORDINGS: &str =
    "recording,title,artist\nx::A,Anchor,mei\nx::B,Beacon,mei\nx::D,Drift,mei\n";
/// A third of A is claimed by nobody, and another by a party that is not known; B is disputed.
const CLAIMS: &str = "recording,right,party,share\nx::A,recording,label,1/3\n\
    x::A,recording,ghost,1/3\nx::B,recording,mei,50\nx::B,recording,label,60\n\
    x::D,recording,mei,100\n";
/// Half of 100.000003 is one and a half micros over 50: both pools round up, the second gives way.
const AGREEMENTS: [&str; 2] = [
    r#"[agreement]
id = "cloud"
valid_from = 2026-01-01

[[pool]]
service = "cloud"
right = "recording"
rate = "50"
model = "pro_rata"

[[pool]]
service = "cloud"
right = "composition"
rate = "50"
model = "pro_rata"
"#,
    r#"[agreement]
id = "mei"
valid_from = 2026-01-01

[[royalty]]
payer = "mei"
participants = [ { party = "label", rate = "33.333333" }, { party = "ghost", rate = "10" } ]
"#,
];
const REVENUE: &str = "period,service,offer,territory,currency,net_revenue\n\
    2026-10,cloud,svip,CN,CNY,100.000003\n2026-10,cloud,ad,CN,CNY,1.00\n";

fn import_all_kinds(desk: &Desk) {
    let rounded = |territory| format!("2026-10,shop,x::D,{territory},download,1,0.0000005,CNY\n");
    let sales: String = ["CN", "JP", "TW"].map(rounded).concat();
    let returned = "2026-10,kiosk,x::D,CN,download,-2,-3.00,CNY\n";
    for (kind, name, text) in [
        ("parties", "parties.csv", PARTIES.to_owned()),
        ("recordings", "recordings.csv", RECORDINGS.to_owned()),
        ("claims", "claims.csv", CLAIMS.to_owned()),
        ("agreements", "cloud.toml", AGREEMENTS[0].to_owned()),
        ("agreements", "mei.toml", AGREEMENTS[1].to_owned()),
        ("revenue", "revenue.csv", REVENUE.to_owned()),
        ("usage", "usage.csv", usage(&["u1,x::A,1,", "u1,x::B,1,", "u1,x::C,1,", "u1,x::D,1,"])),
        ("sales", "sales.csv", format!("{SALES_HEADER}\n{sales}{returned}")),
    ] {
        desk.import(kind, name, &text).ok();
    }
    desk.close("2026-10");
}

fn lines(desk: &Desk) -> Vec<Line> {
    block_on(async {
        let workspace = Workspace::open(desk.dir(), Some(&desk.url()), None).await.unwrap();
        let lines = tantieme::close::lines(&workspace, "2026-10".parse().unwrap()).await.unwrap();
        let lines = lines.map(Result::unwrap).collect();
        workspace.store.close().await;
        lines
    })
}

/// The sentence and the last step of the arithmetic of the one line that is meant.
#[track_caller]
fn explained(desk: &Desk, lines: &[Line], which: impl Fn(&Line) -> bool) -> (String, String) {
    let found: Vec<&Line> = lines.iter().filter(|line| which(line)).collect();
    let [line] = found.as_slice() else { panic!("{found:?}") };
    let said = json(&desk.run(&["explain", &line.id.to_string(), "--format", "json"]).ok());
    let steps = said["arithmetic"].as_array().unwrap();
    let steps: Vec<&str> = steps.iter().map(|step| step.as_str().unwrap()).collect();
    (said["sentence"].as_str().unwrap().to_owned(), steps.join("\n"))
}

on_both! {
    fn every_kind_of_line_is_explained_by_words_and_equations_that_hold(desk) {
        import_all_kinds(desk);
        let lines = lines(desk);
        let of = |id: &'static str| move |line: &Line| {
            line.recording.as_ref().is_some_and(|recording| recording.as_str() == id)
        };
        let (a, b, c, d) = (of("x::A"), of("x::B"), of("x::C"), of("x::D"));
        let right = |line: &Line| line.origin.right.as_str().to_owned();
        let recorded = move |line: &Line| right(line) == "recording" && !line.origin.sale;

        let (sentence, steps) = explained(desk, &lines, |l| l.kind == Kind::Share && a(l));
        assert_says(&sentence, "a share of 1/3 of 12.500001 CNY");
        assert_says(&steps, "share to label = 12.500001 × 1/3 = 4.166667 CNY   [");

        let (sentence, steps) = explained(desk, &lines, |l| l.kind == Kind::Parked && a(l));
        assert_says(&sentence, "1/3 of 12.500001 CNY, held because: ghost claims it");
        assert_says(&steps, "parked to suspense:parked = 12.500001 × 1/3 = 4.166667 CNY   [");

        let (_, steps) = explained(desk, &lines, |l| l.kind == Kind::Unclaimed && a(l) && recorded(l));
        assert_says(&steps, "unclaimed to suspense:unclaimed = 12.500001 less what is claimed = 4.166667 CNY   [");

        let (_, steps) = explained(desk, &lines, |l| l.kind == Kind::Disputed && b(l));
        assert_says(&steps, "disputed to suspense:disputed = 12.500001 CNY   [");

        let (_, steps) = explained(desk, &lines, |l| l.kind == Kind::Unmatched && c(l) && recorded(l));
        assert_says(&steps, "unmatched to suspense:unmatched = 12.500000 CNY   [");

        let (sentence, steps) = explained(desk, &lines, |l| l.kind == Kind::Share && d(l) && recorded(l));
        assert_says(&sentence, "a share of 100 % of 12.500000 CNY");
        assert_says(&steps, "pool = 100.000003 CNY revenue × 50 % = 50.000002 CNY   [pool 1 of cloud");

        let (sentence, steps) = explained(desk, &lines, |l| l.kind == Kind::Royalty && d(l) && recorded(l));
        assert_says(&sentence, "33.333333 % of 12.500000 CNY, by royalty 1 of agreement mei");
        assert_says(&steps, "royalty to label = 12.500000 × 33.333333 % = 4.166667 CNY   [");

        let (_, steps) = explained(desk, &lines, |l| l.kind == Kind::Parked && d(l) && recorded(l));
        assert_says(&steps, "parked to suspense:parked = 12.500000 × 10 % = 1.250000 CNY   [");

        let (_, steps) = explained(desk, &lines, |l| {
            l.kind == Kind::Undistributed && recorded(l)
        });
        assert_says(&steps, "undistributed to suspense:undistributed = 0.500000 CNY   [");

        let composed = |l: &Line| l.kind == Kind::Unclaimed && a(l) && !recorded(l);
        let (_, steps) = explained(desk, &lines, composed);
        assert_says(
            &steps,
            "pool = 100.000003 CNY revenue × 50 % = 50.000001 CNY (a micro less than half to even: \
             the right before it has taken the rest)",
        );

        let returned = |l: &Line| l.kind == Kind::Share && l.origin.returned;
        let (sentence, steps) = explained(desk, &lines, returned);
        assert_says(&sentence, "Mei gives 3.000000 CNY back to kiosk");
        assert_says(&sentence, "2 returned on kiosk download");
        assert_says(&steps, "sale = -3.000000 CNY for 2 returned by kiosk");

        let (sentence, steps) = explained(desk, &lines, |l| l.kind == Kind::Rounding);
        let left = "what rounding each of shop's items to the micro leaves of their total";
        assert_says(&sentence, &format!("rounding gets 0.000002 CNY from shop, {left} in 2026-10."));
        assert!(steps.starts_with(&format!("rounding to rounding = {left} = 0.000002 CNY   [")), "{steps}");
    }
}

/// The one file of lines of a month's close.
fn lines_of(desk: &Desk, period: &str) -> std::path::PathBuf {
    let mut found = files(&desk.dir().join("data/closes").join(period));
    found.retain(|path| path.to_str().unwrap().contains("/lines-"));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

on_both! {
    fn a_line_is_found_whatever_became_of_other_closes(desk) {
        import_month(desk);
        desk.import("usage", "more.csv", &usage(&["u9,x::C,4,"])).ok();
        desk.close("2026-10");
        let unmatched = lines(desk).into_iter().find(|line| line.kind == Kind::Unmatched).unwrap();
        desk.run(&["deny", "2026-10", "--as", "ben", "--reason", "C is not ours"]).ok();
        let said = desk.run(&["explain", &unmatched.id.to_string()]).ok();
        assert_says(&said, "This close was refused: nothing of it is paid.");
        let denied = lines_of(desk, "2026-10");
        desk.run(&["withdraw", "more.csv"]).ok();
        desk.publish("2026-10");
        let share = lines(desk).into_iter().find(|line| line.kind == Kind::Share).unwrap();
        std::fs::write(denied, "torn").unwrap();
        let revenue = crate::bad_input::REVENUE.replace("2026-10", "2026-11");
        desk.import("revenue", "november.csv", &revenue).ok();
        assert_eq!(total(desk, "2026-11", "/money_in"), "50.000000");
        std::fs::write(lines_of(desk, "2026-11"), "torn").unwrap();
        let said = desk.run(&["explain", &share.id.to_string()]).ok();
        assert_says(&said, "a share of 100 % of ");
        // A line that may be in the torn file is not said to be nowhere.
        let said = desk.run(&["explain", "00112233445566778899aabbccddeeff"]).refused();
        assert_says(&said, "lines-");
    }
}
