import { startGateway } from "./gateway/servers.ts"; import { postRecorded } from "./gateway/payloads.ts"; import { askMany } from "./gateway/asking.ts";
const e = await startGateway(); await postRecorded(e); await new Promise(r=>setTimeout(r,6000));
let n=0; const u=()=>String(++n).padStart(9,"0");
const v: Record<string,(s:number)=>string> = { min_profit: ()=>`/api/opportunities?limit=10&min_profit=0.${u()}`, pair:()=>`/api/opportunities?limit=10&token_pair=X${u()}`, chain1:()=>`/api/opportunities?limit=10&chain=arbitrum&min_profit=0.${u()}`, byprofit:()=>`/api/opportunities?limit=10&sort=-profit&min_profit=0.${u()}`, limit1:()=>`/api/opportunities?limit=1&min_profit=0.${u()}`, exec:()=>`/api/executions?limit=10&opportunity_id=x${u()}`, one:()=>`/api/opportunities/none-${u()}` };
for (let r=0;r<2;r++) for (const [k,f] of Object.entries(v)) { const a=await askMany(e,(s)=>({path:f(s),headers:{"cf-connecting-ip":`198.51.100.${s%100}`}}),100); if (r) console.log(k,Math.round(a.microsCpu),a.p50Ms.toFixed(1),JSON.stringify(a.outcomes)); }
await e.stop();
