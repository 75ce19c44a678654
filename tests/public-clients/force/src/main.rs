//! The `force` crate against the twin's Account Engagement. Prints a line for each check that held; the
//! first that does not ends it.

use anyhow::{Context, Result, ensure};
use force::api::account_engagement::AccountEngagementHandler;
use force::auth::ClientCredentials;
use force::client::builder;
use serde_json::{Value, json};

type Engagement = AccountEngagementHandler<ClientCredentials>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name| arguments.next().context(name);
    let (url, client_id, unit) = (argument("url")?, argument("client id")?, argument("unit")?);
    let login = ClientCredentials::new_my_domain(client_id, "twin-secret", &url);
    let client = builder().authenticate(login).build().await?;
    println!("ok log-in with client credentials");
    let engagement = client.account_engagement(unit).with_host(&url);
    pages(&engagement).await?;
    records(&engagement).await?;
    upsert(&engagement).await?;
    refusals(&engagement).await?;
    let stranger = client
        .account_engagement("0Uv000000000002CAA")
        .with_host(&url);
    let refused = stranger.query_prospects("id", &[]).await;
    ensure!(refused.is_err(), "an unknown business unit is served");
    println!("ok an unknown business unit is refused");
    Ok(())
}

/// 25 prospects, ten a page; the token travels with `fields` alone.
async fn pages(engagement: &Engagement) -> Result<()> {
    let fields = "id,email,createdAt";
    let mut page = engagement
        .query_prospects(fields, &[("limit", "10"), ("orderBy", "id")])
        .await?;
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    loop {
        sizes.push(page.values.len());
        ids.extend(page.values.iter().filter_map(|prospect| prospect.id));
        let Some(token) = page.next_page_token else {
            break;
        };
        page = engagement
            .query_prospects(fields, &[("nextPageToken", &token)])
            .await?;
    }
    ensure!(sizes == [10, 10, 5], "{sizes:?}");
    ensure!(ids.is_sorted() && ids.len() == 25, "{ids:?}");
    println!("ok a query over several pages");
    Ok(())
}

async fn records(engagement: &Engagement) -> Result<()> {
    let body = json!({"email": "ada@force.example", "firstName": "Ada", "campaignId": 1});
    let created = engagement
        .post_raw("objects/prospects?fields=id,email", &body)
        .await?;
    let id = created["id"].as_i64().context("no id")?.to_string();
    let change = json!({"jobTitle": "Engineer"});
    engagement
        .patch_raw(&format!("objects/prospects/{id}?fields=id"), &change)
        .await?;
    let read = engagement
        .get_prospect(&id, "id,firstName,jobTitle")
        .await?;
    ensure!(read.job_title.as_deref() == Some("Engineer"), "{read:?}");
    ensure!(read.first_name.as_deref() == Some("Ada"), "{read:?}");
    println!("ok create, update, read");
    engagement.delete_prospect(&id).await?;
    ensure!(
        engagement.get_prospect(&id, "id").await.is_err(),
        "still there"
    );
    let deleted = engagement
        .query_prospects("id,isDeleted", &[("deleted", "true"), ("idList", &id)])
        .await?;
    let is_deleted = deleted
        .values
        .first()
        .and_then(|row| row.extra.get("isDeleted"));
    ensure!(is_deleted == Some(&Value::Bool(true)), "{deleted:?}");
    println!("ok delete, and the recycle bin shows it");
    Ok(())
}

async fn upsert(engagement: &Engagement) -> Result<()> {
    let action = "objects/prospects/do/upsertLatestByEmail";
    let body = |title: &str| {
        json!({
            "matchEmail": "ben@force.example",
            "prospect": {"email": "ben@force.example", "jobTitle": title, "campaignId": 1},
            "fields": ["id", "jobTitle"],
        })
    };
    let first = engagement.post_raw(action, &body("One")).await?;
    let second = engagement.post_raw(action, &body("Two")).await?;
    ensure!(first["id"] == second["id"], "{first} {second}");
    ensure!(second["jobTitle"] == "Two", "{second}");
    println!("ok upsert by address");
    Ok(())
}

async fn refusals(engagement: &Engagement) -> Result<()> {
    let refused = engagement.query_prospects("id,nope", &[]).await;
    let text = refused
        .err()
        .context("an unknown field is served")?
        .to_string();
    ensure!(!text.is_empty());
    println!("ok an unknown field is refused");
    Ok(())
}
