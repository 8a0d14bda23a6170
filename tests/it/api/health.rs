//! `/health/…`.

use super::client::Client;
use super::{demo, key};
use crate::support::{Database, Desk, block_on};

on_both! {
    fn health_is_open_to_everybody(desk) {
        let api = Client::serve(desk);
        for (path, status) in [("/health/live", "live"), ("/health/ready", "ready")] {
            let answer = api.ask("GET", path, &[]).ok();
            assert_eq!(answer.json(), serde_json::json!({ "status": status }));
            assert!(api.ask("HEAD", path, &[]).ok().body.is_empty());
        }
    }
}

/// Runs SQL on the server, beside the test's own database.
fn on_server(sql: String) {
    use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
    let server = std::env::var("TANTIEME_TEST_POSTGRES").unwrap();
    block_on(async {
        let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    });
}

#[test]
fn a_server_is_not_ready_while_its_database_is_away_and_comes_back_with_it() {
    let Some(desk) = Desk::new(Database::Postgres) else { return };
    let api = demo(&desk);
    let key = key(&desk, &["--all"]);
    api.ask("GET", "/health/ready", &[]).ok();
    let name = desk.url().rsplit_once('/').unwrap().1.to_owned();
    let ended =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}';");
    // Ended connections alone are not noticed.
    on_server(ended.clone());
    api.ask("GET", "/health/ready", &[]).ok();
    let allow =
        |yes| format!("UPDATE pg_database SET datallowconn = {yes} WHERE datname = '{name}';");
    on_server(allow(false) + &ended);
    let answer = api.ask("GET", "/health/ready", &[]);
    assert_eq!(answer.problem(), (503, "not-ready".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("5"));
    api.ask("GET", "/health/live", &[]).ok();
    // So says whatever needs the database, and the log says why.
    for path in
        ["periods", "periods/2026-10/statements/lumen/CNY/lines", "periods/2026-10/lines.csv"]
    {
        let answer = api.get(&key, &format!("/v1/{path}"));
        assert_eq!(answer.problem(), (503, "not-ready".to_owned()), "{path}");
        assert_eq!(answer.header("retry-after"), Some("5"));
        let log = std::fs::read_to_string(desk.dir().join("serve.log")).unwrap();
        let request = answer.header("x-request-id").unwrap();
        assert!(
            log.lines().any(|l| l.contains(request) && l.contains("cannot open the database")),
            "{log}"
        );
    }
    on_server(allow(true));
    api.get(&key, "/v1/periods").ok();
    api.ask("GET", "/health/ready", &[]).ok();
}
