-- Help articles and their index: BM25 needs which word occurs how often where, and nothing else.
-- Names and words are compared by their bytes: that is the order Python has, and much faster.

create table switchboard.article_collections (
    collection  text collate "C" primary key,
    digest      text not null,
    articles    integer not null,
    tokens      bigint not null,
    loaded_at   timestamptz not null default now()
);
comment on table switchboard.article_collections is
    'One row per knowledge base; replaced as a whole when its digest changes.';

create table switchboard.articles (
    collection  text collate "C" not null,
    article_id  text collate "C" not null,
    title       text not null,
    text        text not null,
    topics      text[] not null,
    department  text not null,
    digest      text not null,
    primary key (collection, article_id)
);
comment on table switchboard.articles is 'The articles themselves, as they were loaded from files.';

-- No foreign keys below: both tables are written by one loader only, in the transaction that
-- writes the articles, and a check for each of many thousand rows would cost more than the load.
create table switchboard.postings (
    collection  text collate "C" not null,
    term        text collate "C" not null,
    article_id  text collate "C" not null,
    times       integer not null,
    length      integer not null,
    primary key (collection, term, article_id) include (times, length)
);
comment on table switchboard.postings is
    'How often a word occurs in an article, and how many words that article has; read from its index alone.';

create table switchboard.term_frequencies (
    collection  text collate "C" not null,
    term        text collate "C" not null,
    articles    integer not null,
    primary key (collection, term) include (articles)
);
comment on table switchboard.term_frequencies is 'In how many articles a word occurs.';
