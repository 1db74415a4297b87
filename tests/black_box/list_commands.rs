//! The commands that list: each takes what its list of the API takes, and shows the same rows.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, jobs};

/// A command that lists.
struct Listing {
    command: Vec<String>,
    /// Where the API has its list, and where its document describes that.
    path: String,
    described: &'static str,
    /// The member that names a row, and where a line of CSV has it.
    id: &'static str,
    cell: usize,
}

impl Listing {
    fn of(command: &[&str], described: &'static str, id: &'static str) -> Self {
        Self {
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            path: described.to_owned(),
            described,
            id,
            cell: 0,
        }
    }

    fn all(job: &str) -> Vec<Self> {
        let id = job.rsplit('/').next().unwrap();
        let items = Self::of(&["job", "items", id], "/api/v1/jobs/{id}/items", "object");
        vec![
            Self::of(&["cert", "list"], "/api/v1/certificates", "serial"),
            Self::of(&["ca", "list"], "/api/v1/cas", "name"),
            Self::of(&["key", "list"], "/api/v1/keys", "name"),
            Self::of(&["apikey", "list"], "/api/v1/api-keys", "prefix"),
            Self::of(&["job", "list"], "/api/v1/jobs", "id"),
            Self {
                path: format!("{job}/items"),
                // Behind the position.
                cell: 1,
                ..items
            },
        ]
    }

    /// The orders that the API declares.
    fn orders(&self, document: &Value) -> Vec<String> {
        let parameters = &document["paths"][self.described]["get"]["parameters"];
        let sort = parameters.as_array().unwrap().iter();
        let sort = sort.filter(|parameter| parameter["name"] == "sort");
        let orders = sort.flat_map(|parameter| parameter["schema"]["enum"].as_array().unwrap());
        orders.map(|order| order.as_str().unwrap().to_owned()).collect()
    }

    fn run(&self, system: &System, flags: &[&str]) -> (i32, String, String) {
        let command = self.command.iter().map(String::as_str);
        let arguments: Vec<&str> = command.chain(flags.iter().copied()).collect();
        let ran = system.cli(&arguments).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (ran.status.code().unwrap(), text(ran.stdout), text(ran.stderr))
    }

    /// What a flag gives, which must be accepted.
    fn done(&self, system: &System, flags: &[&str]) -> String {
        let (code, out, said) = self.run(system, flags);
        assert_eq!(code, 0, "{:?} {flags:?}: {said}", self.command);
        out
    }

    fn page(&self, system: &System, flags: &[&str]) -> Value {
        let out = self.done(system, &[flags, &["-o", "json"]].concat());
        serde_json::from_str(&out).unwrap()
    }

    /// The rows of a page, by what names them.
    fn rows(&self, page: &Value) -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item[self.id].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Two rows for each list.
async fn filled(system: &System, rest: &Rest) -> String {
    system
        .cli_ok(&["apikey", "create", "one", "--role", "auditor"])
        .unwrap();
    for host in ["b.example.test", "a.example.test"] {
        let body = json!({"csr": csr::p256(host), "profile": "tls-server"});
        let made = rest.issue(&body).await;
        rest.revoke(made["serial"].as_str().unwrap(), "superseded").await;
    }
    let body = json!({"reason": "superseded", "serials": ["0b", "0a"]});
    let job = jobs::accepted(rest, &body).await;
    let other = jobs::accepted(rest, &body).await;
    jobs::until_its_end(rest, &job).await;
    jobs::until_its_end(rest, &other).await;
    job
}

async fn json_of(rest: &Rest, path: &str) -> Value {
    let answer = rest.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_lists_takes_the_orders_pages_and_csv_of_its_list() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let job = filled(&system, &rest).await;
    let document = json_of(&rest, "/api/openapi.json").await;
    for listing in Listing::all(&job) {
        let command = &listing.command;
        let orders = listing.orders(&document);
        assert!(orders.len() > 1, "{command:?}");
        for order in &orders {
            let sort = format!("--sort={order}");
            let of_api = json_of(&rest, &format!("{}?limit=500&sort={order}", listing.path)).await;
            let rows = listing.rows(&of_api);
            assert!(rows.len() > 1, "{command:?} {sort}: {rows:?}");

            let all = listing.page(&system, &["--all", &sort]);
            assert_eq!(listing.rows(&all), rows, "{command:?} {sort}");
            assert_eq!(all["next_cursor"], Value::Null, "{command:?}");

            let first = listing.page(&system, &["--limit", "1", &sort]);
            assert_eq!(listing.rows(&first), rows[..1], "{command:?} {sort}");
            let cursor = first["next_cursor"].as_str().unwrap();
            let second = listing.page(&system, &["--limit", "1", "--cursor", cursor, "--sort", order]);
            assert_eq!(listing.rows(&second), rows[1..2], "{command:?} {sort}");

            let csv = listing.done(&system, &["--csv", &sort]);
            let lines = csv.split_terminator("\r\n").skip(1);
            let cell = |line: &str| line.split(',').nth(listing.cell).unwrap().to_owned();
            let cells: Vec<String> = lines.map(cell).collect();
            assert_eq!(cells, rows, "{command:?} {sort}: {csv}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_that_lists_refuses_what_its_list_has_not_and_says_what_is_more() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let job = filled(&system, &rest).await;
    let document = json_of(&rest, "/api/openapi.json").await;
    for listing in Listing::all(&job) {
        let command = &listing.command;
        let (code, out, said) = listing.run(&system, &["--sort", "nosuch"]);
        assert_eq!((code, out.as_str()), (2, ""), "{command:?}: {said}");
        let accepted = listing.orders(&document).join(", ");
        assert!(
            said.contains(&format!("[possible values: {accepted}]")),
            "{command:?}: {accepted} in {said}"
        );
        for contradiction in [
            &["--all", "--limit", "1"][..],
            &["--all", "--cursor", "x"],
            &["--csv", "--limit", "1"],
            &["--csv", "--cursor", "x"],
            &["--csv", "--all"],
        ] {
            let (code, out, said) = listing.run(&system, contradiction);
            assert_eq!(
                (code, out.as_str()),
                (2, ""),
                "{command:?} {contradiction:?}: {said}"
            );
        }
        let (code, out, said) = listing.run(&system, &["--limit", "1", "-o", "table"]);
        assert_eq!((code, out.lines().count()), (0, 2), "{command:?}: {out}{said}");
        let more = said.lines().find_map(|line| line.strip_prefix("more: --cursor "));
        assert!(
            more.is_some_and(|more| more.ends_with(", or --all")),
            "{command:?}: {said}"
        );
        let (_, out, said) = listing.run(&system, &["--all", "-o", "table"]);
        assert!(
            out.lines().count() > 2 && !said.contains("more:"),
            "{command:?}: {out}{said}"
        );
    }
}
