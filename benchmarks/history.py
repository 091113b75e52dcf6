"""A year of history on PostgreSQL, written by the database itself: reported, it would take an hour."""

from __future__ import annotations

import psycopg

from testbed.console import ConsoleServer

NODES, DESTINATIONS, RULES = 10, 6, 12

# Two deliveries of each study, four events of it and two of each delivery. Destination 1 gets most of them, and one
# delivery in a hundred failed; few of the last two days are on their way.
STATEMENTS = (
    """
    INSERT INTO routing_lane (node_id, destination_id, state, waiting, in_flight, breaker, progress, last_error, problem,
        updated_at)
    SELECT n.id, d.id, 'idle', 0, 0, 'closed', '[]', '', '', now() FROM nodes_node n, routing_destination d
    """,
    """
    INSERT INTO routing_study (node_id, orthanc_id, study_instance_uid, patient_id, patient_name, accession_number, study_date,
        study_description, modalities, instance_count, series_count, size_bytes, source_aet, facts, received_at, stable_at,
        reported_at, last_seq, search_text)
    SELECT 1 + abs(hashtext('node' || n)) % {nodes}, md5(n::text), '1.2.840.' || n, 'P' || n / 3,
        'Name' || n % 5003 || '^Given' || n % 307, 'A' || n, (now() - age)::date, 'Study of part ' || n % 41,
        ('["' || (ARRAY['CT', 'MR', 'US', 'CR'])[1 + n % 4] || '"]')::jsonb, 100, 2, 50000000, 'SCANNER' || n % 9,
        '{{"study": {{}}, "series": []}}', now() - age, now() - age, now() - age, n,
        'name' || n % 5003 || ' given' || n % 307 || ' p' || n / 3 || ' a' || n || ' study of part ' || n % 41 ||
        ' 1.2.840.' || n
    FROM generate_series(1, {studies}) n,
        LATERAL (SELECT interval '365 days' * (1 - n / {studies}::float) AS age) ages
    """,
    """
    INSERT INTO routing_delivery (id, node_id, study_id, destination_id, destination_name, state, reason, cause, attempts,
        instance_count, delivered_count, last_error, created_at, state_changed_at, delivered_at, last_seq)
    SELECT gen_random_uuid(), s.node_id, s.id, d, 'PACS' || d, state, '', 'rule', 1, 100,
        CASE WHEN arrived THEN 100 ELSE 0 END, CASE WHEN state = 'failed' THEN 'Error in the network protocol' ELSE '' END,
        s.reported_at, s.reported_at, CASE WHEN arrived THEN s.reported_at END, s.last_seq
    FROM routing_study s
    CROSS JOIN generate_series(1, 2) copy
    CROSS JOIN LATERAL (SELECT
        CASE WHEN copy = 1 THEN 1 ELSE 2 + abs(hashtext('place' || s.id)) % ({destinations} - 1) END AS d,
        abs(hashtext('dice' || s.id || copy)) % 100 AS dice) picks
    CROSS JOIN LATERAL (SELECT CASE
        WHEN s.reported_at > now() - interval '2 days' AND dice < 5 THEN 'waiting'
        WHEN dice = 5 THEN 'failed' WHEN dice = 6 THEN 'skipped' WHEN dice < 50 THEN 'verified' ELSE 'delivered' END
        AS state) states
    CROSS JOIN LATERAL (SELECT state IN ('delivered', 'verified') AS arrived) arrivals
    """,
    """
    INSERT INTO routing_deliveryrule (delivery_id, rule_id, rule_name, revision)
    SELECT id, rule, 'rule ' || rule, 1
    FROM routing_delivery CROSS JOIN LATERAL (SELECT 1 + abs(hashtext('rule' || id)) % {rules} AS rule) rules
    """,
    """
    INSERT INTO routing_attempt (delivery_id, number, started_at, finished_at, job_id, outcome, error, permanent,
        instance_count)
    SELECT id, 1, created_at, created_at, id::text, CASE WHEN delivered_at IS NULL THEN 'failed' ELSE 'succeeded' END, '',
        false, 100
    FROM routing_delivery
    """,
    """
    INSERT INTO agent_event (id, node_id, seq, kind, at, received_at, study_id, data, problem)
    SELECT gen_random_uuid(), node_id, last_seq * 10 + kind, (ARRAY['study.stable', 'rules.evaluated'])[kind], reported_at,
        reported_at, id, '{{"study": {{"instance_count": 100}}, "decisions": []}}', ''
    FROM routing_study, generate_series(1, 2) kind
    """,
    """
    INSERT INTO agent_event (id, node_id, seq, kind, at, received_at, study_id, delivery_id, data, problem)
    SELECT gen_random_uuid(), node_id, last_seq * 10 + 2 + change, 'delivery.changed', created_at, created_at, study_id, id,
        jsonb_build_object('delivery', jsonb_build_object('id', id, 'state', state, 'attempts', 1)), ''
    FROM routing_delivery, generate_series(1, 2) change
    """,
    "VACUUM ANALYZE",
)


def fill(console: ConsoleServer, url: str, deliveries: int) -> None:
    """Fill the empty database of a console with that many deliveries, half as many studies, and three times as many events.

    Args:
        url: of the database, for a superuser.
    """
    console.create_nodes([f"node{number}" for number in range(NODES)])
    for number in range(1, DESTINATIONS + 1):
        address = {"kind": "modality", "aet": f"PACS{number}", "host": "192.0.2.7", "port": 104}
        console.post("/destinations/", {"name": f"PACS{number}", **address})
    for number in range(1, RULES + 1):
        rule = {"name": f"rule {number}", "expression": "true", "destinations": [1]}
        console.post("/rules/", rule)
    numbers = {"nodes": NODES, "destinations": DESTINATIONS, "rules": RULES}
    with psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True) as db:
        # The rows fit together by construction, and checking each reference would take longer than writing them.
        db.execute("SET session_replication_role = replica")
        for statement in STATEMENTS:
            db.execute(statement.format(**numbers, studies=deliveries // 2).encode())
