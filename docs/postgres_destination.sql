-- The tables that the PostgreSQL destination writes to. Those of the CRM follow its own schema; what it has already, it
-- keeps. Of deal and lead the warehouse touches metadata -> 'dealhouse' and the columns of DEALHOUSE_POSTGRES_OWNED; rows
-- of healthscore it deletes only when it passes an erasure on. Its user, here called dealhouse, needs these rights:
-- grant select, update on lead, deal to dealhouse;
-- grant select, insert, delete on healthscore to dealhouse;
-- grant select, insert, update, delete on segment_member, duplicate_proposal to dealhouse;

create table lead (
    id text primary key,              -- uuid in a CRM whose ids are such
    first_name varchar,
    last_name varchar,
    email varchar unique,
    phone varchar,
    company varchar,
    job_title varchar,
    source varchar,
    status varchar,
    score int,                        -- owned: 0 to 100
    assigned_to text,
    created_at timestamp,
    updated_at timestamp,             -- never touched, so that nothing that we write looks like an edit
    metadata jsonb                    -- owned: the key dealhouse (score, tier, probability, factors, suggested_owner_id)
) with (fillfactor = 50);             -- room for the next version of each row beside it: updates need no index entries

create table deal (
    id text primary key,
    account_id text,
    contact_id text,
    title varchar,
    amount decimal,
    currency varchar default 'USD',
    stage varchar not null,
    probability int,                  -- what people state; not ours unless DEALHOUSE_POSTGRES_OWNED says so
    expected_close_date date,
    actual_close_date date,
    owner_id text,
    created_at timestamp,
    updated_at timestamp,
    lost_reason varchar,
    metadata jsonb                    -- owned: the key dealhouse (win_probability, aggregated_stage, sla_status, sla_due)
) with (fillfactor = 50);

-- A row for each change of a customer's health: a user of b2c, or an account of b2b.
create table healthscore (
    id uuid primary key,
    user_id text,
    account_id text,
    score int,
    risk_level varchar,
    factors jsonb,                    -- all that was written: level, chance of leaving, action, reasons
    computed_at timestamp
);

-- Who is in which segment now.
create table segment_member (
    tenant_id text,
    sync_key text,
    segment_id text not null,
    subject_type text not null,
    subject_id text not null,
    primary key (tenant_id, sync_key)
);

-- Pairs for a person to decide on.
create table duplicate_proposal (
    tenant_id text,
    sync_key text,
    kind text not null,
    left_id text not null,
    right_id text not null,
    probability double precision not null,
    reasons text,
    primary key (tenant_id, sync_key)
);
