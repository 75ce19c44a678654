"""simple-salesforce against the twin's Salesforce: JWT log-in, pages, records, upsert, collections, recycle bin."""

from __future__ import annotations

import pytest
from conftest import PEOPLE, Served
from redirect import session_to
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound
from world import CLIENT_ID

USER = "connector@prospect-sync.example"


@pytest.fixture(scope="module")
def client(served: Served) -> Salesforce:
    return Salesforce(
        username=USER, consumer_key=CLIENT_ID, privatekey=served.private_key, session=session_to(served.url)
    )


def test_log_in_with_a_signed_assertion(client: Salesforce, served: Served) -> None:
    assert client.session_id
    assert served.calls("token") == 1


def test_a_query_follows_every_page(client: Salesforce, served: Served) -> None:
    before = served.calls("query")
    found = client.query_all("SELECT Id, LastName FROM Lead ORDER BY LastName")
    assert [row["LastName"] for row in found["records"]] == [f"Person {number:02}" for number in range(PEOPLE)]
    assert served.calls("query") - before == 3, "25 rows, ten a page"


def test_create_read_update_delete_and_query_all(client: Salesforce) -> None:
    created = client.Lead.create({"LastName": "Ruiz", "Company": "Ruiz SA"})
    assert created["success"] and created["errors"] == []
    lead = created["id"]
    assert client.Lead.update(lead, {"Title": "Analyst"}) == 204
    assert client.Lead.get(lead)["Title"] == "Analyst"
    assert client.Lead.delete(lead) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Lead.get(lead)
    query = f"SELECT Id, IsDeleted FROM Lead WHERE Id = '{lead}'"
    assert client.query(query)["totalSize"] == 0
    assert client.query(query, include_deleted=True)["records"][0]["IsDeleted"] is True


def test_upsert_by_external_id(client: Salesforce) -> None:
    key = "Prospect_Sync_Key__c/0Uv000000000001CAA:p:77"
    assert client.Lead.upsert(key, {"LastName": "Haddad", "Company": "Haddad SARL"}) == 201
    assert client.Lead.upsert(key, {"Title": "Owner"}) in (200, 204)
    found = client.query("SELECT LastName, Title FROM Lead WHERE LastName = 'Haddad'")
    assert [(row["LastName"], row["Title"]) for row in found["records"]] == [("Haddad", "Owner")]


def test_a_collection_with_one_bad_record_keeps_the_others(client: Salesforce) -> None:
    rows = [
        {"attributes": {"type": "Lead"}, "LastName": "Good", "Company": "Good Ltd"},
        {"attributes": {"type": "Lead"}, "Company": "No Name Ltd"},
        {"attributes": {"type": "Lead"}, "LastName": "Also Good", "Company": "Good Ltd"},
    ]
    answer = client.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": rows})
    assert [result["success"] for result in answer] == [True, False, True]
    (problem,) = answer[1]["errors"]
    assert (problem["statusCode"], problem["fields"]) == ("REQUIRED_FIELD_MISSING", ["LastName"])


def test_a_mistake_in_a_query_is_told(client: Salesforce) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.query("SELECT Nope FROM Lead")
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD"


def test_describe_names_the_fields(client: Salesforce) -> None:
    fields = {field["name"]: field for field in client.Lead.describe()["fields"]}
    assert fields["Prospect_Sync_Key__c"]["externalId"] and fields["Region__c"]["restrictedPicklist"]
