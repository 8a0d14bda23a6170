//! The documentation's examples, run as a reader would run them.
//!
//! In README.md and docs/*.md a fenced block marked `sh,test` is run by bash in an empty folder,
//! with the program on its path and `FIXTURES` naming the folder of fixtures. A block marked
//! `text,output` right after it is what it prints. A block marked `toml,rule` is a rule, and one
//! marked `toml,agreement` an agreement,
//! that the program takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Database, Desk, Said, program};

/// A fenced block of a page.
struct Block {
    page: PathBuf,
    /// The line of its first fence.
    line: usize,
    /// What stands behind the first fence, such as `sh,test`.
    marks: String,
    text: String,
    /// True if only blank lines stand between the block before and this one.
    follows: bool,
}

impl Block {
    fn is(&self, marks: &str) -> bool {
        self.marks == marks
    }

    fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and the pages of docs/, in the order of their names.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).expect("docs/ is there");
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages.sort();
    assert!(!pages.is_empty(), "docs/ holds no page");
    pages.insert(0, root().join("README.md"));
    pages
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let text =
            std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        blocks.extend(blocks_of(&page, &text));
    }
    blocks
}

fn blocks_of(page: &Path, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    // The open block, its fence, and how far it is indented.
    let mut open: Option<(Block, String, usize)> = None;
    let mut only_blank = false;
    for (number, line) in (1..).zip(text.lines()) {
        let bare = line.trim_start();
        if let Some((block, fence, indent)) = &mut open {
            if bare.starts_with(fence.as_str()) && bare.trim_end().chars().all(|c| c == '`') {
                blocks.extend(open.take().map(|(block, ..)| block));
                only_blank = true;
                continue;
            }
            block.text += line.get((*indent).min(line.len() - bare.len())..).unwrap_or_default();
            block.text.push('\n');
        } else if bare.starts_with("```") {
            let fence: String = bare.chars().take_while(|c| *c == '`').collect();
            let marks = bare[fence.len()..].trim().to_owned();
            let page = page.to_owned();
            let text = String::new();
            let block = Block { page, line: number, marks, text, follows: only_blank };
            open = Some((block, fence, line.len() - bare.len()));
        } else if !bare.is_empty() {
            only_blank = false;
        }
    }
    assert!(open.is_none(), "{}: a fenced block is never closed", page.display());
    blocks
}

/// Runs a block in an empty folder.
fn run(block: &Block) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_tantieme")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &block.text]).current_dir(folder.path());
    command.stdin(std::process::Stdio::null());
    for (name, _) in program().get_envs().filter(|(_, value)| value.is_none()) {
        command.env_remove(name); // none of the tester's own settings
    }
    command.env("PATH", std::env::join_paths(paths).unwrap());
    command.env("FIXTURES", root().join("fixtures"));
    command.output().unwrap().into()
}

#[test]
fn every_example_runs_and_prints_what_the_page_says() {
    let blocks = blocks();
    let (mut ran, mut wrong) = (0, Vec::new());
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.is("sh,test")) {
        ran += 1;
        let said = run(block);
        if said.code != Some(0) {
            let (code, place) = (said.code, block.place());
            wrong.push(format!("{place}: exit {code:?}\n{}{}", said.stdout, said.stderr));
            continue;
        }
        let next = blocks.get(at + 1).filter(|next| next.follows && next.page == block.page);
        if let Some(output) = next.filter(|next| next.is("text,output") && next.text != said.stdout)
        {
            let (place, page) = (output.place(), &output.text);
            wrong.push(format!("{place}: the page says\n{page}and it prints\n{}", said.stdout));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 0, "no page has a block marked `sh,test`");
}

#[test]
fn every_agreement_in_the_pages_is_taken() {
    let mut wrong = Vec::new();
    let blocks = blocks();
    let agreements: Vec<&Block> = blocks.iter().filter(|b| b.is("toml,agreement")).collect();
    for block in &agreements {
        let desk = Desk::new(Database::Sqlite).unwrap();
        let said = desk.import("agreements", "agreement.toml", &block.text);
        if said.code != Some(0) {
            wrong.push(format!("{}: {}", block.place(), said.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!agreements.is_empty(), "no page has a block marked `toml,agreement`");
}

#[test]
fn every_rule_in_the_documents_is_taken() {
    let blocks = blocks();
    let rules: Vec<&Block> = blocks.iter().filter(|b| b.is("toml,rule")).collect();
    for block in &rules {
        let rule = tantieme::allocate::Rule::parse(&block.text);
        assert!(rule.is_ok(), "{}: {rule:?}", block.place());
    }
    assert!(!rules.is_empty(), "no page has a block marked `toml,rule`");
}

#[test]
fn every_output_follows_its_example_and_no_mark_is_misspelled() {
    const MARKS: [&str; 4] = ["sh,test", "text,output", "toml,agreement", "toml,rule"];
    let blocks = blocks();
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.marks.contains(',')) {
        assert!(MARKS.contains(&block.marks.as_str()), "{}: {:?}", block.place(), block.marks);
        let after_example = at > 0 && block.follows && blocks[at - 1].is("sh,test");
        let stray = block.is("text,output") && !after_example;
        assert!(!stray, "{}: an output without its example", block.place());
    }
}

#[test]
fn a_page_is_cut_into_its_blocks() {
    let page = "Text\n```sh,test\ntrue\n```\n\n```text,output\n```\nMore\n\
        \u{20} ````toml\n  a = '''\n  ```\n  ''' \n  ````\n";
    let blocks = blocks_of(Path::new("page.md"), page);
    let found: Vec<_> =
        blocks.iter().map(|b| (b.line, b.marks.as_str(), b.text.as_str(), b.follows)).collect();
    assert_eq!(
        found,
        [
            (2, "sh,test", "true\n", false),
            (6, "text,output", "", true),
            (9, "toml", "a = '''\n```\n''' \n", false),
        ]
    );
}
