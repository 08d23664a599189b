-- What the desk may do to the tables: one thing, in the transaction of the effect that records it.

-- name: book_payment
insert into larkcover.payments (id, case_id, claim, policy, peril, loss_date, payee, amount, currency)
values (%(id)s, %(case_id)s, %(claim)s, %(policy)s, %(peril)s, %(loss_date)s::date, %(payee)s,
        %(amount)s::numeric, %(currency)s)
returning id;
