-- The tables of Larkpay that the support desk reads. The desk never writes them.
-- Running this file again changes nothing.

create schema if not exists larkpay;

create table if not exists larkpay.plans (
    plan                 text primary key,
    monthly_fee          numeric(12, 2) not null,   -- GBP; a fee is taken in the customer's main currency
    cash_free_month      numeric(12, 2) not null,   -- GBP of cash a calendar month without our fee
    cash_fee_percent     numeric(5, 2)  not null,   -- of what is withdrawn above that
    exchange_free_month  numeric(12, 2),            -- GBP of exchange a month without fee; null: no limit
    weekend_markup       numeric(5, 2)  not null,   -- per cent, Friday 23:00 to Sunday 23:00 London time
    top_up_day           numeric(12, 2) not null,   -- GBP a day
    transfer_day         numeric(12, 2) not null,   -- GBP a day
    disposable_day       integer        not null    -- payments with disposable cards a day
);

create table if not exists larkpay.customers (
    id                 text primary key,
    name               text not null,
    country            text not null,
    plan               text not null references larkpay.plans,
    status             text not null check (status in ('active', 'restricted', 'closed')),
    identity_verified  boolean not null,
    joined             date not null
);

create table if not exists larkpay.cards (
    id           text primary key,
    customer     text not null references larkpay.customers,
    kind         text not null check (kind in ('physical', 'virtual', 'disposable')),
    network      text not null check (network in ('Visa', 'Mastercard')),
    status       text not null check (status in ('ordered', 'active', 'frozen', 'blocked', 'expired', 'closed')),
    last4        text not null,
    ordered_on   date not null,
    expected_by  date,                              -- of an ordered card that is on its way
    expires_on   date not null
);

create table if not exists larkpay.balances (
    customer  text not null references larkpay.customers,
    currency  text not null,
    amount    numeric(12, 2) not null,
    main      boolean not null,
    primary key (customer, currency)
);

-- What a reason code means, in words that may be told to a customer.
create table if not exists larkpay.reasons (
    code  text primary key,
    says  text not null
);

create table if not exists larkpay.transactions (
    id            text primary key,
    customer      text not null references larkpay.customers,
    kind          text not null
                  check (kind in ('card_payment', 'top_up', 'transfer', 'cash_withdrawal', 'exchange')),
    counterparty  text not null,
    amount        numeric(12, 2) not null check (amount > 0),
    currency      text not null,
    status        text not null check (status in ('completed', 'pending', 'declined', 'reverted', 'failed')),
    reason        text references larkpay.reasons,  -- why it is not simply completed
    at            timestamptz not null,
    due           date                              -- when something pending is settled at the latest
);

create table if not exists larkpay.charges (
    id           text primary key,
    customer     text not null references larkpay.customers,
    kind         text not null
                 check (kind in ('cash_fee', 'exchange_fee', 'transfer_fee', 'top_up_fee', 'card_payment_fee',
                                 'delivery_fee', 'replacement_fee', 'plan_fee')),
    amount       numeric(12, 2) not null check (amount > 0),
    currency     text not null,
    at           timestamptz not null,
    reason       text not null,                     -- in words that may be told to a customer
    reversible   boolean not null,                  -- a person may take it back
    transaction  text references larkpay.transactions
);

create index if not exists cards_of on larkpay.cards (customer);
create index if not exists charges_of on larkpay.charges (customer, at desc);
create index if not exists transactions_of on larkpay.transactions (customer, at desc);
