//! What the migrations make, read off their own text: what a project has to have, and who may do what with it.
//!
//! They are written in one way, which a test on a fresh database holds: nothing there may be a finding.

use std::collections::{BTreeMap, BTreeSet};

use crate::migrate::MIGRATIONS;

/// Roles, by the name of the function.
type Grants = BTreeMap<String, BTreeSet<String>>;

/// Everything that they make.
#[derive(Debug, Default)]
pub struct Made {
    /// `public.livestreams`: tables and views, with what each role may.
    pub relations: BTreeMap<String, Grants>,
    /// `public.sweep`, with the roles that may execute it.
    pub functions: Grants,
    /// Table and name.
    pub policies: BTreeSet<(String, String)>,
    /// What pg_cron runs, where it is installed.
    pub jobs: BTreeSet<String>,
}

impl Made {
    /// By all migrations together.
    pub fn by_migrations() -> Self {
        let mut made = Self::default();
        for migration in MIGRATIONS.iter() {
            made.read(migration.sql.as_str());
        }
        made
    }

    /// May this role execute this function?
    pub fn may_execute(&self, role: &str, function: &str) -> bool {
        self.functions.get(function).is_some_and(|roles| roles.contains(role))
    }

    fn read(&mut self, sql: &str) {
        self.jobs
            .extend(sql.split("cron.schedule('").skip(1).filter_map(|rest| Some(rest.split_once('\'')?.0.to_owned())));
        let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        let sql = lines.collect::<Vec<_>>().join("\n");
        // The pieces of a function's body are pieces of nothing.
        for statement in sql.split(';') {
            let words: Vec<&str> = statement.split_whitespace().collect();
            match words.as_slice() {
                ["create", "table" | "view", name, ..] => {
                    self.relations.entry(bare(name)).or_default();
                }
                ["create", "function", name, ..] => {
                    self.functions.entry(bare(name)).or_default();
                }
                ["drop", "function", name, ..] => {
                    self.functions.remove(&bare(name));
                }
                ["create", "policy", ..] => self.policy(statement),
                ["grant", "execute", "on", "function", name, ..] => {
                    self.functions.entry(bare(name)).or_default().extend(roles(&words));
                }
                ["grant", ..] => self.grant(&words),
                _ => {}
            }
        }
    }

    fn policy(&mut self, statement: &str) {
        let mut parts = statement.split('"');
        let (Some(name), Some(rest)) = (parts.nth(1), parts.next()) else { return };
        let mut words = rest.split_whitespace();
        if let (Some("on"), Some(table)) = (words.next(), words.next()) {
            self.policies.insert((table.to_owned(), name.to_owned()));
        }
    }

    /// `grant select (id, title), update (title) on public.a, public.b to anon`
    fn grant(&mut self, words: &[&str]) {
        let position = |word: &str| words.iter().position(|known| *known == word);
        let (Some(on), Some(to)) = (position("on"), position("to")) else { return };
        let (what, tables) = (words.get(..on).unwrap_or_default(), words.get(on + 1..to).unwrap_or_default());
        let of = |privilege: &&str| what.iter().any(|word| word.trim_end_matches(',') == *privilege);
        let privileges: Vec<&str> = ["select", "insert", "update", "delete"].into_iter().filter(of).collect();
        // Not `on schema streamkeeper`, nor `on all functions in schema streamkeeper`.
        for table in tables.iter().map(|table| table.trim_end_matches(',')).filter(|table| table.contains('.')) {
            let relation = self.relations.entry(table.to_owned()).or_default();
            for role in roles(words) {
                relation.entry(role).or_default().extend(privileges.iter().map(|privilege| (*privilege).to_owned()));
            }
        }
    }
}

/// `public.sweep` of `public.sweep()` and of `public.get_event(uuid)`.
fn bare(name: &str) -> String {
    name.split('(').next().unwrap_or_default().to_owned()
}

/// What stands behind `to`.
fn roles(words: &[&str]) -> BTreeSet<String> {
    let list = words.iter().skip_while(|word| **word != "to").skip(1);
    list.map(|role| role.trim_end_matches(',').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_understood() {
        let made = Made::by_migrations();
        assert!(made.may_execute("anon", "public.get_stream_status"));
        assert!(made.may_execute("authenticated", "public.end_stream_comprehensive"));
        assert!(!made.may_execute("anon", "public.end_stream_comprehensive"));
        assert!(made.may_execute("service_role", "public.meeting_signal"));
        assert!(!made.may_execute("authenticated", "public.meeting_signal"));
        let may = |table: &str, role: &str| {
            let of = made.relations[table].get(role).cloned().unwrap_or_default();
            of.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(may("public.live_rooms", "anon"), "select");
        assert_eq!(may("public.live_rooms", "service_role"), "select update");
        assert_eq!(may("public.app_users", "service_role"), "delete insert select update");
        assert_eq!(may("public.community_live_streams", "anon"), "select");
        assert_eq!(may("streamkeeper.sweeper", "service_role"), "");
        assert!(made.policies.contains(&("public.app_users".to_owned(), "own row, or admin".to_owned())));
        assert!(made.jobs.contains("streamkeeper-sweep") && made.jobs.len() >= 5);
        for function in crate::rpc::FUNCTIONS {
            assert!(made.functions.contains_key(&format!("public.{function}")), "{function}");
        }
    }
}
