//! Work that is due, leased by epoch and the database's clock.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Store, Tx};
use crate::{
    error::{Error, Result},
    name::Name,
    reason::Reason,
};

/// A job that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The account it belongs to.
    pub account: String,
    /// The resource that is worked on.
    pub resource: Name,
    /// Which kind of work.
    pub queue: String,
    /// The term of the lease: every write of the worker carries it.
    pub epoch: i64,
    /// How often the work was taken up, this time included.
    pub attempt: i32,
}

/// For how long work is kept for the process that holds what it needs, after that one last showed
/// that it lives.
pub const HOLDER_GRACE: Duration = Duration::from_secs(10);

impl Store {
    /// Claims the job that has been due for longest, that nobody works on, and that is not kept for
    /// another process.
    pub async fn job_claim(&self, worker: &str, lease_s: f64) -> Result<Option<Claim>> {
        let row = sqlx::query!(
            "update job
            set epoch = nextval('job_epoch'),
                attempt = attempt + 1,
                worker = $1,
                lease_until = clock_timestamp() + make_interval(secs => $2)
            where (account_id, resource) = (
                select account_id, resource from job
                where run_at <= clock_timestamp()
                    and (lease_until is null or lease_until < clock_timestamp())
                    and (holder is null or holder = $1 or holder_until < clock_timestamp())
                order by run_at
                limit 1
                for update skip locked
            )
            returning account_id, resource, queue, epoch, attempt",
            worker,
            lease_s,
        )
        .fetch_optional(&self.system)
        .await?;
        Ok(row.map(|row| Claim {
            account: row.account_id,
            resource: Name::trusted(row.resource),
            queue: row.queue,
            epoch: row.epoch,
            attempt: row.attempt,
        }))
    }

    /// Renews a lease. False means that it is lost.
    pub async fn job_renew(&self, claim: &Claim, lease_s: f64) -> Result<bool> {
        let renewed = sqlx::query!(
            "update job set lease_until = clock_timestamp() + make_interval(secs => $4)
            where account_id = $1 and resource = $2 and epoch = $3",
            claim.account,
            claim.resource.as_str(),
            claim.epoch,
            lease_s,
        )
        .execute(&self.system)
        .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Shows that a process lives that holds what some work needs.
    pub async fn job_hold(&self, worker: &str) -> Result<()> {
        sqlx::query!(
            "update job set holder_until = clock_timestamp() + make_interval(secs => $2)
            where holder = $1",
            worker,
            HOLDER_GRACE.as_secs_f64(),
        )
        .execute(&self.system)
        .await?;
        Ok(())
    }

    /// Gives a job back, to be taken up again after a delay.
    pub async fn job_release(&self, claim: &Claim, delay_s: f64) -> Result<()> {
        sqlx::query!(
            "update job set lease_until = null, worker = null, run_at = clock_timestamp() + make_interval(secs => $4)
            where account_id = $1 and resource = $2 and epoch = $3",
            claim.account,
            claim.resource.as_str(),
            claim.epoch,
            delay_s,
        )
        .execute(&self.system)
        .await?;
        Ok(())
    }
}

impl Tx {
    /// Makes work due for a resource; work that is due already stays as it is.
    pub async fn job_put(&mut self, resource: &Name, queue: &str) -> Result<()> {
        self.job_put_for(resource, queue, None).await
    }

    /// The same for work that a process holds something for: as long as that one lives, nobody else
    /// takes it.
    pub async fn job_put_for(
        &mut self,
        resource: &Name,
        queue: &str,
        holder: Option<&str>,
    ) -> Result<()> {
        sqlx::query!(
            "insert into job (account_id, resource, queue, holder, holder_until)
            values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
            on conflict do nothing",
            self.account,
            resource.as_str(),
            queue,
            holder,
            HOLDER_GRACE.as_secs_f64(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Keeps the job of a claim for a process that holds something for it.
    pub async fn job_keep_for(&mut self, claim: &Claim, holder: &str) -> Result<()> {
        sqlx::query!(
            "update job set holder = $4, holder_until = clock_timestamp() + make_interval(secs => $5)
            where account_id = $1 and resource = $2 and epoch = $3",
            self.account,
            claim.resource.as_str(),
            claim.epoch,
            holder,
            HOLDER_GRACE.as_secs_f64(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Makes work due for a resource at a time. Where somebody is at it now, it stays as it is: he
    /// sees the resource as it is after this transaction, and puts the work off himself.
    pub async fn job_put_at(
        &mut self,
        resource: &Name,
        queue: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "insert into job (account_id, resource, queue, run_at) values ($1, $2, $3, $4)
            on conflict do nothing",
            self.account,
            resource.as_str(),
            queue,
            at,
        )
        .execute(&mut *self.inner)
        .await?;
        // Not `on conflict do update`, which would wait for whoever is at it, while he waits for us.
        sqlx::query!(
            "update job set run_at = $3
            where account_id = $1 and resource = $2 and lease_until is null",
            self.account,
            resource.as_str(),
            at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Makes work due now that was put off.
    pub async fn job_wake(&mut self, resource: &Name) -> Result<()> {
        sqlx::query!(
            "update job set run_at = clock_timestamp()
            where account_id = $1 and resource = $2 and lease_until is null
                and run_at > clock_timestamp()",
            self.account,
            resource.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Takes work back that nobody is at.
    pub async fn job_withdraw(&mut self, resource: &Name) -> Result<()> {
        sqlx::query!(
            "delete from job where account_id = $1 and resource = $2 and lease_until is null",
            self.account,
            resource.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Ends a claim and leaves the work for a later time. The epoch is one that no worker has, so
    /// that a renewal that is under way does not hold it.
    pub async fn job_put_off(&mut self, claim: &Claim, until: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "update job
            set epoch = 0, worker = null, lease_until = null, attempt = 0, run_at = $4
            where account_id = $1 and resource = $2 and epoch = $3",
            self.account,
            claim.resource.as_str(),
            claim.epoch,
            until,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// What time it is, by the clock that decides about leases and schedules.
    pub async fn clock(&mut self) -> Result<DateTime<Utc>> {
        let row = sqlx::query!(r#"select clock_timestamp() as "now!""#)
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(row.now)
    }

    /// Holds the job of a claim, so that nobody else can take it until the end of the transaction.
    ///
    /// # Errors
    /// `CONTENTION` when the lease is lost: everything done in this transaction must be undone.
    pub async fn job_fence(&mut self, claim: &Claim) -> Result<()> {
        let row = sqlx::query!(
            "select epoch from job where account_id = $1 and resource = $2 and epoch = $3 for share",
            self.account,
            claim.resource.as_str(),
            claim.epoch,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(drop).ok_or_else(|| {
            Error::new(Reason::Contention, "The work was taken over by another worker.")
        })
    }

    /// Ends a job.
    pub async fn job_done(&mut self, claim: &Claim) -> Result<()> {
        sqlx::query!(
            "delete from job where account_id = $1 and resource = $2 and epoch = $3",
            self.account,
            claim.resource.as_str(),
            claim.epoch,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
