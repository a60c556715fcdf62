import type { ReleaseManifest, ReleasePackage } from "./versions.ts";

/** What npm, or its page of the package, would miss in a package.json. `root` is the one of the repository. */
export function faultsOfManifest({ path, manifest }: ReleasePackage, root: ReleaseManifest): string[] {
  const { license, description, type, engines, files, publishConfig, repository, homepage, bugs } = manifest;
  const faults: string[] = [];
  const must = (holds: boolean, fault: string): void => void (holds || faults.push(fault));
  must(license === "MIT", `"license" is ${license ?? "missing"}; write "MIT"`);
  must(/^.{20,140}$/.test(description ?? ""), '"description" is no sentence of 20 to 140 characters');
  must(type === "module", '"type" is not "module"');
  must(/^>=\d+\.\d+/.test(engines?.node ?? ""), '"engines.node" does not say which Node is the oldest');
  must((files ?? []).length > 0, '"files" is missing, so npm would get everything');
  must(
    publishConfig?.access === "public",
    '"publishConfig.access" is not "public", so npm would refuse a scoped package',
  );
  must(publishConfig?.provenance === true, '"publishConfig.provenance" is not true');
  if (root.repository?.url !== undefined) {
    must(repository?.url === root.repository.url, `"repository.url" is not ${root.repository.url}`);
    must(repository?.directory === path, `"repository.directory" is not ${path}`);
    must(homepage === root.homepage, `"homepage" is not ${root.homepage}`);
    must(bugs === root.bugs, `"bugs" is not ${root.bugs}`);
  }
  return faults.map((fault) => `${manifest.name}: ${fault}`);
}
