//! What the migrations make, read off their own text: what a project has to have, and who may do what with it.
//!
//! They are written in one way, which a test on a fresh database holds: nothing there may be a finding.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::Policy;
use crate::migrate::MIGRATIONS;

/// Roles, by the name of the function.
type Grants = BTreeMap<String, BTreeSet<String>>;

/// Some columns of a table. None: all of it, also what it gets later.
pub type Columns = Option<BTreeSet<String>>;

/// What a role may do with a table: `select`, and with which columns.
pub type Rights = BTreeMap<String, Columns>;

/// Everything that they make.
#[derive(Debug, Default)]
pub struct Made {
    /// `public.livestreams`: tables and views, with what each role may.
    pub relations: BTreeMap<String, BTreeMap<String, Rights>>,
    /// `public.sweep`, with the roles that may execute it.
    pub functions: Grants,
    /// What the policies of these tables say.
    pub policies: Vec<Policy>,
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
                ["create", "policy", ..] => self.policies.extend(Policy::read(statement)),
                ["grant", "execute", "on", "function", name, ..] => {
                    self.functions.entry(bare(name)).or_default().extend(roles(&words));
                }
                ["grant", ..] => self.grant(&words),
                _ => {}
            }
        }
    }

    /// `grant select (id, title), update (title) on public.a, public.b to anon`
    fn grant(&mut self, words: &[&str]) {
        let position = |word: &str| words.iter().position(|known| *known == word);
        let (Some(on), Some(to)) = (position("on"), position("to")) else { return };
        let (what, tables) = (words.get(1..on).unwrap_or_default(), words.get(on + 1..to).unwrap_or_default());
        let rights = rights(&what.join(" "));
        // Not `on schema streamkeeper`, nor `on all functions in schema streamkeeper`.
        for table in tables.iter().map(|table| table.trim_end_matches(',')).filter(|table| table.contains('.')) {
            let relation = self.relations.entry(table.to_owned()).or_default();
            for role in roles(words) {
                relation.entry(role).or_default().extend(rights.clone());
            }
        }
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Of `delete, select (id, title), update (title)`.
fn rights(what: &str) -> Rights {
    let mut rights = Rights::new();
    for part in what.split(')') {
        let (names, columns) = part.split_once('(').map_or((part, None), |(names, columns)| (names, Some(columns)));
        let mut names = list(names);
        // They belong to what stands right before them.
        if let Some(columns) = columns
            && let Some(name) = names.pop()
        {
            rights.insert(name, Some(list(columns).into_iter().collect()));
        }
        rights.extend(names.into_iter().map(|name| (name, None)));
    }
    rights
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
            let words = of.into_iter().map(|(name, columns)| name + columns.map_or("", |_| "()"));
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(may("public.live_rooms", "anon"), "select()");
        assert_eq!(may("public.live_rooms", "service_role"), "select update()");
        assert_eq!(may("public.app_users", "service_role"), "delete insert select update");
        assert_eq!(may("public.community_live_streams", "anon"), "select");
        assert_eq!(may("streamkeeper.sweeper", "service_role"), "");
        let sessions = made.relations["public.live_room_sessions"]["anon"]["select"].clone().unwrap();
        assert!(sessions.contains("started_at") && !sessions.contains("idempotency_key"), "{sessions:?}");
        assert!(made.policies.iter().any(|it| it.table == "public.app_users" && it.name == "own row, or admin"));
        assert!(made.jobs.contains("streamkeeper-sweep") && made.jobs.len() >= 5);
        for function in crate::rpc::FUNCTIONS {
            assert!(made.functions.contains_key(&format!("public.{function}")), "{function}");
        }
    }
}
