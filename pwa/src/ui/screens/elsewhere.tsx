/** What has to do with other apps: loaded when one asks, or when the person looks at them. */

export { AppsScreen } from "./apps.tsx";
export { ConsentScreen } from "./consent.tsx";
