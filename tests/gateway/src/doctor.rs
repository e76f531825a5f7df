//! `doctor`, run as somebody runs it, and what it found.

use serde_json::Value;

use crate::program::{Variables, run};

/// What it found.
#[derive(Debug)]
pub struct Examination {
    /// Its exit code.
    pub code: i32,
    findings: Vec<Value>,
}

/// Runs it with these variables and no others.
pub async fn examine(variables: Variables<'_>) -> Examination {
    let (code, stdout, stderr) = run(&["doctor", "--json"], variables).await;
    assert_eq!(stderr, "", "{stdout}");
    let report: Value = serde_json::from_str(&stdout).expect("it prints JSON and nothing else");
    let findings = report["findings"].as_array().expect("there is a list").clone();
    assert_eq!(report["success"], code == 0);
    Examination { code, findings }
}

impl Examination {
    /// Everything that is not as it should be, and what could not be looked at: level and check.
    pub fn complaints(&self) -> Vec<(&str, &str)> {
        let bad = self.findings.iter().filter(|finding| finding["level"] != "ok");
        bad.map(|finding| (text(finding, "level"), text(finding, "check"))).collect()
    }

    /// The same without what could not be looked at.
    pub fn troubles(&self) -> Vec<(&str, &str)> {
        self.complaints().into_iter().filter(|(level, _)| *level != "unknown").collect()
    }

    /// What it says of a check.
    #[track_caller]
    pub fn what(&self, check: &str) -> &str {
        text(self.of(check), "what")
    }

    /// What it says is to be done about it.
    #[track_caller]
    pub fn fix(&self, check: &str) -> &str {
        text(self.of(check), "fix")
    }

    #[track_caller]
    fn of(&self, check: &str) -> &Value {
        let found = self.findings.iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("nothing about {check}: {:#?}", self.findings))
    }
}

fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().expect("it is a text")
}
