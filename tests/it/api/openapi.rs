//! `/openapi.json`.

use super::{demo, key};
use crate::support::{Database, Desk, json};

#[test]
fn the_description_is_what_it_was() {
    insta::assert_snapshot!("openapi", tantieme::api::description().unwrap());
}

#[test]
fn the_server_describes_itself_and_guards_every_path_but_health() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = demo(desk);
    let key = key(desk, &["--all"]);
    let answer = api.ask("GET", "/openapi.json", &[]).ok();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text(), tantieme::api::description().unwrap());
    let description = json(&answer.text());
    assert_eq!(description["openapi"], "3.1.0");
    let mut guarded = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        let real = path
            .replace("{period}", "2026-10")
            .replace("{payee}", "lumen")
            .replace("{currency}", "CNY");
        let (open, with_key) = (api.ask("GET", &real, &[]), api.get(&key, &real).ok());
        let content = &item["get"]["responses"]["200"]["content"];
        let media = with_key.header("content-type").unwrap();
        let media = media.split(';').next().unwrap();
        assert!(content[media].is_object(), "{path} answers with {media}, which it does not say");
        let secured = item["get"]["security"].is_array();
        assert_eq!(secured, !path.starts_with("/health/"), "{path}");
        if secured {
            guarded += 1;
            assert_eq!(open.problem(), (401, "unauthorized".to_owned()), "{path}");
            assert!(
                item["get"]["responses"]["401"]["content"]["application/problem+json"].is_object()
            );
            assert!(
                api.ask("HEAD", &real, &[&format!("Authorization: Bearer {key}")])
                    .ok()
                    .body
                    .is_empty()
            );
        }
    }
    assert_eq!(guarded, 6);
}
