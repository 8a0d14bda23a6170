//! `/v1/periods/{period}/…`: what a key for everything reads.

use super::client::Client;
use super::{demo, key, month};
use crate::support::json;

on_both! {
    fn statements_are_those_of_the_command_line(desk) {
        let api = demo(desk);
        let all = key(desk, &["--all"]);
        let printed = json(&desk.run(&["statements", "2026-10", "--format", "json"]).ok());
        let listed = api.get(&all, "/v1/periods/2026-10/statements").ok().json();
        assert_eq!(listed["next"], serde_json::Value::Null);
        let listed = listed["data"].as_array().unwrap();
        let printed = printed.as_array().unwrap();
        assert_eq!((listed.len(), printed.len()), (28, 28));
        for (listed, printed) in listed.iter().zip(printed) {
            let mut face = printed.clone();
            let lines = face.as_object_mut().unwrap().remove("lines").unwrap();
            assert_eq!(*listed, face);
            let word = |name: &str| face[name].as_str().unwrap();
            let path = format!("/v1/periods/2026-10/statements/{}/{}", word("payee"), word("currency"));
            assert_eq!(api.get(&all, &path).ok().json(), face);
            let page = api.get(&all, &format!("{path}/lines?limit=1000")).ok().json();
            assert_eq!((&page["data"], &page["next"]), (&lines, &serde_json::Value::Null));
        }
    }
}

on_both! {
    fn a_stream_is_the_export_to_the_byte(desk) {
        let api = demo(desk);
        let all = key(desk, &["--all"]);
        let export = desk.run(&["statements", "2026-10"]).ok();
        let stream = api.get(&all, "/v1/periods/2026-10/lines.csv").ok();
        assert_eq!(stream.text(), export);
        assert_eq!(stream.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        let of_payee = desk.run(&["statements", "2026-10", "--payee", "lumen"]).ok();
        let stream = api.get(&all, "/v1/periods/2026-10/lines.csv?payee=lumen").ok().text();
        assert_eq!(stream, of_payee);
        // Lumen has statements in two currencies; each stream has a header and its own lines.
        let streams = ["CNY", "TWD"].map(|currency| {
            api.get(&all, &format!("/v1/periods/2026-10/statements/lumen/{currency}/lines.csv")).ok().text()
        });
        let (header, _) = export.split_once('\n').unwrap();
        let tail = streams[1].strip_prefix(header).unwrap().strip_prefix('\n').unwrap();
        assert_eq!(format!("{}{tail}", streams[0]), of_payee);
    }
}

on_both! {
    fn pages_add_up_to_the_listing_and_cursors_belong_to_their_filters(desk) {
        let api = demo(desk);
        let all = key(desk, &["--all"]);
        let pages = |path: &str, limit: u32| {
            let joint = if path.contains('?') { '&' } else { '?' };
            let (mut rows, mut cursors) = (Vec::new(), Vec::new());
            let mut cursor = String::new();
            loop {
                let page = api.get(&all, &format!("{path}{joint}limit={limit}{cursor}")).ok().json();
                let data = page["data"].as_array().unwrap();
                assert!(data.len() <= limit as usize);
                rows.extend(data.clone());
                let Some(next) = page["next"].as_str() else { return (rows, cursors) };
                cursors.push(next.to_owned());
                cursor = format!("&cursor={next}");
            }
        };
        let month = "/v1/periods/2026-10/statements";
        for path in [
            month.to_owned(),
            format!("{month}?currency=TWD"),
            format!("{month}?payee=lumen"),
            format!("{month}?payee=lumen&currency=CNY"),
            format!("{month}?payee=nobody"),
            format!("{month}?currency=EUR"),
            format!("{month}/orrery/CNY/lines"),
        ] {
            let (whole, none) = pages(&path, 1000);
            assert!(none.is_empty());
            assert_eq!(pages(&path, 1).0, whole, "{path}");
            assert_eq!(pages(&path, 3).0, whole, "{path}");
        }
        assert_eq!(pages(&format!("{month}?currency=TWD"), 9).0.len(), 12);
        let cursor = pages(month, 3).1.remove(0);
        for other in [
            format!("{month}?payee=lumen&cursor={cursor}"),
            format!("{month}?payee=&cursor={cursor}"),
            format!("{month}?currency=CNY&cursor={cursor}"),
            format!("/v1/periods/2026-09/statements?cursor={cursor}"),
            format!("{month}/orrery/CNY/lines?cursor={cursor}"),
            format!("/v1/periods?cursor={cursor}"),
        ] {
            assert_eq!(api.get(&all, &other).problem(), (400, "bad-cursor".to_owned()), "{other}");
        }
        let label = key(desk, &["--label", "orrery"]);
        let answer = api.get(&label, &format!("{month}?cursor={cursor}"));
        assert_eq!(answer.problem(), (400, "bad-cursor".to_owned()));
    }
}

on_both! {
    fn an_id_may_hold_what_an_address_may_not(desk) {
        const ODD: [&str; 6] = ["a/b", "100%", "100%25", "姚 è?#&=", "..", "lines.csv"];
        let recordings: Vec<(String, &str)> =
            ODD.iter().enumerate().map(|(at, party)| (format!("odd::{at}"), *party)).collect();
        let recordings: Vec<(&str, &str)> =
            recordings.iter().map(|(recording, party)| (recording.as_str(), *party)).collect();
        month(desk, &ODD, &recordings, "");
        desk.publish("2026-10");
        let api = Client::serve(desk);
        for party in ODD {
            // Every byte escaped, the harmless ones too.
            let mut escaped = String::new();
            for byte in party.bytes() {
                escaped += &format!("%{byte:02X}");
            }
            let own = key(desk, &["--payee", party]);
            for key in [&own, &key(desk, &["--all"])] {
                let path = format!("/v1/periods/2026-10/statements/{escaped}/CNY");
                let face = api.get(key, &path).ok().json();
                assert_eq!((&face["payee"], &face["line_count"]), (&party.into(), &1.into()));
                let line = api.get(key, &format!("{path}/lines")).ok().json()["data"][0].clone();
                assert_eq!(line["payee"], party);
                let export = desk.run(&["statements", "2026-10", "--payee", party]).ok();
                assert_eq!(api.get(key, &format!("{path}/lines.csv")).ok().text(), export);
                let query = format!("/v1/periods/2026-10/lines.csv?payee={escaped}");
                assert_eq!(api.get(key, &query).ok().text(), export);
                let query = format!("/v1/periods/2026-10/statements?payee={escaped}");
                assert_eq!(api.get(key, &query).ok().json()["data"][0], face);
            }
        }
    }
}
