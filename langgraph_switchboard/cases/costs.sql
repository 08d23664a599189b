-- What was spent, by one way of looking at it.

-- name: agent
select coalesce(agent, '(none)') as name, count(distinct case_id) as cases, sum(steps)::bigint as steps,
       sum(asked)::bigint as asked, sum(unknown)::bigint as unknown, sum(input_tokens)::bigint as input_tokens,
       sum(output_tokens)::bigint as output_tokens, sum(cost_usd) as cost_usd
from switchboard.costs where day >= %(since)s::date and (%(flow)s::text is null or flow = %(flow)s)
group by 1 order by cost_usd desc, name;

-- name: route
select coalesce(r.route, '(not routed)') as name, count(distinct k.case_id) as cases,
       sum(k.steps)::bigint as steps, sum(k.asked)::bigint as asked, sum(k.unknown)::bigint as unknown,
       sum(k.input_tokens)::bigint as input_tokens, sum(k.output_tokens)::bigint as output_tokens,
       sum(k.cost_usd) as cost_usd
from switchboard.costs k left join switchboard.routes r using (case_id)
where k.day >= %(since)s::date and (%(flow)s::text is null or k.flow = %(flow)s)
group by 1 order by cost_usd desc, name;

-- name: day
select day::text as name, count(distinct case_id) as cases, sum(steps)::bigint as steps,
       sum(asked)::bigint as asked, sum(unknown)::bigint as unknown, sum(input_tokens)::bigint as input_tokens,
       sum(output_tokens)::bigint as output_tokens, sum(cost_usd) as cost_usd
from switchboard.costs where day >= %(since)s::date and (%(flow)s::text is null or flow = %(flow)s)
group by 1 order by 1;

-- name: case
select case_id as name, 1::bigint as cases, sum(steps)::bigint as steps, sum(asked)::bigint as asked,
       sum(unknown)::bigint as unknown, sum(input_tokens)::bigint as input_tokens,
       sum(output_tokens)::bigint as output_tokens, sum(cost_usd) as cost_usd
from switchboard.costs where day >= %(since)s::date and (%(flow)s::text is null or flow = %(flow)s)
group by 1 order by cost_usd desc, name;

