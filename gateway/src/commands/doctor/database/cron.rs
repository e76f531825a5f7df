//! Whether something sweeps: pg_cron's jobs, or a gateway, whose sweeps leave their time in the database.

use sqlx::postgres::PgConnection;

use crate::commands::doctor::finding::Finding;
use crate::commands::doctor::made::Made;
use crate::commands::session::{act_as, service};

/// Both run every 15 s.
const SWEPT_WITHIN: f64 = 60.0;

const SCHEDULE: &str = "select streamkeeper.schedule_jobs();";

/// What runs from time to time, and when it last did.
pub async fn check(connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
    let has_cron: bool =
        sqlx::query_scalar("select to_regclass('cron.job') is not null").fetch_one(&mut *connection).await?;
    let jobs = if has_cron { jobs(connection).await? } else { None };
    let swept = last_sweep(connection).await;
    let mut findings = Vec::new();
    if let Some(jobs) = &jobs {
        findings.extend(verdict(jobs, made));
    } else if has_cron {
        let fix = "give a login that may read cron.job (on Supabase `postgres`)";
        findings.push(Finding::unknown("cron", "this login may not see pg_cron's jobs", fix));
    }
    let why = "a stream whose host is gone stays live, and nobody is told";
    let fix = match has_cron {
        true => SCHEDULE.to_owned(),
        false => format!("start a gateway, or let pg_cron do it:\ncreate extension pg_cron;\n{SCHEDULE}"),
    };
    findings.push(match swept {
        Err(error) => {
            let what = format!("when something swept last: {}", super::told(&error));
            Finding::unknown("sweep", what, "give a login that may `set role service_role`")
        }
        Ok(Some(age)) if age <= SWEPT_WITHIN => Finding::ok("sweep", format!("something swept {age:.0} s ago")),
        Ok(Some(age)) => Finding::problem("sweep", format!("nothing has swept for {age:.0} s"), why, fix),
        Ok(None) => Finding::problem("sweep", "nothing has ever swept", why, fix),
    });
    Ok(findings)
}

/// By name: is it active, and did it fail when it ran last? None: this login may not look.
async fn jobs(connection: &mut PgConnection) -> Result<Option<Vec<(String, bool, bool)>>, sqlx::Error> {
    let may: bool = sqlx::query_scalar(
        "select coalesce(has_schema_privilege('cron', 'usage') and has_table_privilege('cron.job', 'select')
           and has_table_privilege('cron.job_run_details', 'select'), false)",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !may {
        return Ok(None);
    }
    let jobs = sqlx::query_as(
        "select j.jobname::text, j.active, coalesce((
           select d.status = 'failed' from cron.job_run_details d where d.jobid = j.jobid
           order by d.runid desc limit 1), false)
         from cron.job j where j.jobname like 'streamkeeper-%' and j.database = current_database()",
    );
    jobs.fetch_all(connection).await.map(Some)
}

fn verdict(jobs: &[(String, bool, bool)], made: &Made) -> Vec<Finding> {
    let active = |name: &&String| jobs.iter().any(|(job, active, _)| job == *name && *active);
    let missing: Vec<&str> = made.jobs.iter().filter(|name| !active(name)).map(String::as_str).collect();
    let failing: Vec<&str> = jobs.iter().filter(|(_, _, failed)| *failed).map(|(name, ..)| name.as_str()).collect();
    let mut findings = Vec::new();
    if !missing.is_empty() {
        let what = format!("pg_cron is installed, and does not run {}", missing.join(", "));
        let why = "without a gateway nothing ends what nobody holds, and no chat is closed";
        findings.push(Finding::problem("cron", what, why, SCHEDULE));
    }
    if !failing.is_empty() {
        let what = format!("pg_cron's last run failed: {}", failing.join(", "));
        let fix = "select jobid, start_time, return_message from cron.job_run_details where status = 'failed' order by runid desc limit 5;";
        findings.push(Finding::problem("cron.failed", what, "what it should do is not done", fix));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("cron", format!("pg_cron runs all {} jobs", made.jobs.len())));
    }
    findings
}

/// Seconds since something swept. None: never.
async fn last_sweep(connection: &mut PgConnection) -> Result<Option<f64>, sqlx::Error> {
    let mut transaction = sqlx::Connection::begin(connection).await?;
    act_as(&mut transaction, &service()).await?;
    sqlx::query_scalar("select extract(epoch from clock_timestamp() - streamkeeper.last_sweep_at())::float8")
        .fetch_one(&mut *transaction)
        .await
}
