//! `/v1/periods`.

use super::client::Client;
use super::{demo, key};

on_both! {
    fn only_published_months_are_listed(desk) {
        desk.import_demo();
        let all = key(desk, &["--all"]);
        let api = Client::serve(desk);
        let none = serde_json::json!({ "data": [], "next": null });
        assert_eq!(api.get(&all, "/v1/periods").ok().json(), none);
        let result = desk.close("2026-10");
        assert_eq!(api.get(&all, "/v1/periods").ok().json(), none);
        desk.run(&["approve", "2026-10", "--as", "ben", "--result", &result]).ok();
        for path in ["statements", "statements/lumen/CNY", "statements/lumen/CNY/lines", "lines.csv"] {
            let answer = api.get(&all, &format!("/v1/periods/2026-10/{path}"));
            assert_eq!(answer.problem(), (404, "not-found".to_owned()), "{path}");
        }
        assert_eq!(api.get(&all, "/v1/periods").ok().json(), none);
        desk.run(&["publish", "2026-10", "--as", "ben"]).ok();
        let listed = api.get(&all, "/v1/periods").ok().json();
        assert_eq!(listed["data"][0]["period"], "2026-10");
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    fn months_come_page_by_page(desk) {
        let api = demo(desk);
        let all = key(desk, &["--all"]);
        for (month, day) in [("2026-11", "2026-11-03"), ("2026-12", "2026-12-03")] {
            let sales = format!(
                "period,source,recording,territory,channel,quantity,amount,currency,sale_date,right\n\
                 {month},shop,XXDEM2600001,CN,album,1,1.00,CNY,{day},recording\n"
            );
            desk.import("sales", &format!("{month}.csv"), &sales).ok();
            desk.publish(month);
        }
        let mut seen = Vec::new();
        let mut path = "/v1/periods?limit=2".to_owned();
        loop {
            let page = api.get(&all, &path).ok().json();
            seen.push(page["data"].as_array().unwrap().len());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/periods?limit=2&cursor={next}");
        }
        assert_eq!(seen, [2, 1]);
    }
}
